//! `lakebed revert` and `lakebed cherry-pick`: one commit's change, taken back or made again. Conflicts are exit code 3.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use lakebed_sdk::{Lakebed, MergeOutcome, Replay, ReplayOptions, Strategy};
use serde_json::json;

use super::merge::{PAGE_CONFLICTS, Winner, list_conflicts, summary_json, summary_text};
use super::{parse_pair, source, to_map};
use crate::output::Output;
use crate::uri::RefUri;
use crate::{exit, view};

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// lakebed://repository/branch to commit onto
    branch: RefUri,
    /// The commit: an id, tag, branch or expression such as main~2
    commit: String,
    /// Which of its parents the commit is compared with, from 1; a merge commit needs one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    parent: Option<u32>,
    /// The new commit's message [default: the usual one]
    #[arg(long, short, default_value = "", hide_default_value = true)]
    message: String,
    /// Attach NAME=VALUE (may be given several times)
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    meta: Vec<(String, String)>,
    /// Commit even if nothing changes
    #[arg(long)]
    allow_empty: bool,
    /// Which side wins where the branch changed the same object; the source is what the commit is to bring
    #[arg(long)]
    strategy: Option<Winner>,
    /// Tell what the new commit would change, or its conflicts, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl ReplayArgs {
    pub(crate) async fn run(&self, what: Replay, lakebed: &Lakebed, output: Output) -> Result<ExitCode> {
        let repository = &self.branch.repository;
        let branch = self.branch.branch()?;
        let commit = source(&self.commit, repository)?;
        let options = ReplayOptions {
            parent: self.parent,
            message: self.message.clone(),
            metadata: to_map(&self.meta),
            allow_empty: self.allow_empty,
            strategy: self.strategy.map(Strategy::from),
            dry_run: self.dry_run,
            conflicts_amount: 1,
            ..ReplayOptions::default()
        };
        let (word, done) = match what {
            Replay::Revert => ("reverted", "Reverted"),
            Replay::CherryPick => ("picked", "Picked"),
        };
        match lakebed.replay(what, repository, &branch, &commit, options).await? {
            MergeOutcome::Merged { commit: made, .. } => output.item(&json!({ word: view::commit(&made) }), || {
                format!("{done} {} on {} as {}", self.commit, self.branch, view::short(&made.id.to_string()))
            })?,
            MergeOutcome::Preview(summary) => output.item(&json!({ "preview": summary_json(summary) }), || {
                format!("Would change without conflicts: {}", summary_text(summary))
            })?,
            MergeOutcome::UpToDate { head } => {
                output.item(&json!({ "up_to_date": head }), || "Nothing would change".to_owned())?;
            }
            MergeOutcome::Conflicts(_) => {
                let page = |conflicts_after| {
                    let options = ReplayOptions {
                        parent: self.parent,
                        dry_run: true,
                        conflicts_after,
                        conflicts_amount: PAGE_CONFLICTS,
                        ..ReplayOptions::default()
                    };
                    lakebed.replay(what, repository, &branch, &commit, options)
                };
                list_conflicts(page, output).await?;
                return Ok(ExitCode::from(exit::CONFLICTS));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
