//! `lakebed merge`: merges a ref into a branch. Conflicts are listed, all of them, and are exit code 3.

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use lakebed_sdk::{Conflict, Conflicts, Error, Lakebed, MergeOptions, MergeOutcome, Strategy, Summary};
use serde_json::json;

use super::request::{self, RequestArgs};
use super::{parse_pair, to_map};
use crate::exit::usage;
use crate::output::{Output, count, shown, warn};
use crate::uri::RefUri;
use crate::{exit, view};

#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// lakebed://repository/ref to merge
    source: RefUri,
    /// lakebed://repository/branch to merge the source into
    destination: RefUri,
    /// The merge commit's message [default: one that names both]
    #[arg(long, short, default_value = "", hide_default_value = true)]
    message: String,
    /// Attach NAME=VALUE (may be given several times)
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    meta: Vec<(String, String)>,
    /// Which side wins where both changed an object
    #[arg(long)]
    strategy: Option<Winner>,
    /// Tell what the merge would change, or its conflicts, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Make a commit with one parent: the source's history stays out of the destination's
    #[arg(long)]
    squash: bool,
    #[command(flatten)]
    request: RequestArgs,
}

/// Who decides a conflict.
#[derive(ValueEnum, Debug, Clone, Copy)]
pub(super) enum Winner {
    SourceWins,
    DestinationWins,
}

impl From<Winner> for Strategy {
    fn from(winner: Winner) -> Self {
        match winner {
            Winner::SourceWins => Self::SourceWins,
            Winner::DestinationWins => Self::DestinationWins,
        }
    }
}

impl Merge {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<ExitCode> {
        let repository = &self.destination.repository;
        if self.source.repository != *repository {
            usage!("{} and {} are in different repositories", self.source, self.destination);
        }
        let destination = self.destination.branch()?;
        let id = self.request.id();
        let options = MergeOptions {
            message: self.message.clone(),
            metadata: to_map(&self.meta),
            strategy: self.strategy.map(Strategy::from),
            dry_run: self.dry_run,
            squash: self.squash,
            conflicts_amount: 1,
            request_id: Some(id),
            ..MergeOptions::default()
        };
        let source = &self.source.reference;
        if self.request.is_detached() {
            if self.dry_run {
                usage!("a dry run changes nothing that could go on by itself: leave --detach or --dry-run out");
            }
            let id = lakebed.begin_merge(repository, source, &destination, options).await?;
            request::began(id, repository, output)?;
            return Ok(ExitCode::SUCCESS);
        }
        let ask = async || lakebed.merge(repository, source, &destination, options.clone()).await;
        match request::answer(lakebed, repository, id, ask).await? {
            MergeOutcome::Merged { commit, .. } => {
                output.item(&json!({ "merged": view::commit(&commit) }), || {
                    format!(
                        "Merged {} into {} as {}",
                        self.source,
                        self.destination,
                        view::short(&commit.id.to_string())
                    )
                })?;
            }
            MergeOutcome::UpToDate { head } => {
                output.item(&json!({ "up_to_date": head }), || "Up to date: there is nothing to merge".to_owned())?;
            }
            MergeOutcome::Preview(summary) => {
                let value = json!({ "preview": summary_json(summary) });
                output.item(&value, || format!("Would merge without conflicts: {}", summary_text(summary)))?;
            }
            MergeOutcome::Conflicts(_) => {
                let page = |conflicts_after| {
                    let options = MergeOptions {
                        dry_run: true,
                        conflicts_after,
                        conflicts_amount: PAGE_CONFLICTS,
                        ..MergeOptions::default()
                    };
                    lakebed.merge(repository, source, &destination, options)
                };
                list_conflicts(page, output).await?;
                return Ok(ExitCode::from(exit::CONFLICTS));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How many conflicts one page asks for: the server's most.
pub(super) const PAGE_CONFLICTS: u32 = 1000;

/// Prints all conflicts, one a line, and what to do about them. `page` asks for those after a path, changing nothing.
pub(super) async fn list_conflicts<F>(page: impl Fn(String) -> F, output: Output) -> Result<()>
where
    F: Future<Output = Result<MergeOutcome, Error>>,
{
    let mut found = Found::default();
    let mut after = Some(String::new());
    while let Some(from) = after {
        let MergeOutcome::Conflicts(conflicts) = page(from).await? else { break };
        found.print(&conflicts, output)?;
        after = conflicts.next_after;
    }
    if found == Found::default() {
        warn("there were conflicts, but the branches have moved on since; nothing was changed: try again");
        return Ok(());
    }
    found.print_unnamed(output)?;
    warn(&format!("{found}; nothing was changed. Mend them on a branch, or choose a side with --strategy"));
    Ok(())
}

/// How many conflicts were found: at paths that were printed, and at others that the caller may not list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    named: u64,
    unnamed: u64,
}

impl Found {
    /// Prints a page of conflicts, and counts it.
    pub(super) fn print(&mut self, page: &Conflicts, output: Output) -> Result<()> {
        for conflict in &page.items {
            print_conflict(conflict, output)?;
        }
        self.add(page);
        Ok(())
    }

    /// Counts a page.
    pub(super) fn add(&mut self, page: &Conflicts) {
        self.named += page.items.len() as u64;
        self.unnamed += page.unnamed;
    }

    /// Prints how many conflicts weren't printed, after those that were.
    pub(super) fn print_unnamed(self, output: Output) -> Result<()> {
        if self.unnamed == 0 {
            return Ok(());
        }
        let text = || format!("not shown: {}", Self { named: 0, ..self });
        output.item(&json!({ "unnamed_conflicts": self.unnamed }), text)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = if self.unnamed == 1 { "a path" } else { "paths" };
        match *self {
            Self { named, unnamed: 0 } => f.write_str(&count(named, "conflict")),
            Self { named: 0, unnamed } => write!(f, "{} at {paths} that you may not list", count(unnamed, "conflict")),
            Self { named, unnamed } => {
                write!(f, "{}, and {unnamed} more at {paths} that you may not list", count(named, "conflict"))
            }
        }
    }
}

fn print_conflict(conflict: &Conflict, output: Output) -> Result<()> {
    let value = json!({
        "conflict": conflict.path,
        "base": conflict.base.as_ref().map(view::object),
        "source": conflict.source.as_ref().map(view::object),
        "destination": conflict.destination.as_ref().map(view::object),
    });
    output.item(&value, || {
        let side = |has: bool| if has { "changed" } else { "deleted" };
        let (source, destination) = (conflict.source.is_some(), conflict.destination.is_some());
        format!(
            "conflict: {} ({} in source, {} in destination)",
            shown(conflict.path.as_str()),
            side(source),
            side(destination)
        )
    })
}

pub(super) fn summary_json(summary: Summary) -> serde_json::Value {
    json!({ "added": summary.added, "removed": summary.removed, "changed": summary.changed })
}

pub(super) fn summary_text(summary: Summary) -> String {
    format!("{} added, {} changed, {} removed", summary.added, summary.changed, summary.removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_that_may_not_be_named_are_counted() {
        for (named, unnamed, expected) in [
            (2, 0, "2 conflicts"),
            (0, 1, "1 conflict at a path that you may not list"),
            (1, 3, "1 conflict, and 3 more at paths that you may not list"),
        ] {
            assert_eq!(Found { named, unnamed }.to_string(), expected);
        }
    }
}
