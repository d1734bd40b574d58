//! `lakebed rebase`: makes a branch's own commits anew onto another ref. Conflicts are exit code 3.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use lakebed_sdk::{CommitId, Conflicts, Lakebed, RebaseOptions, RebaseOutcome, Strategy};
use serde_json::json;

use super::merge::{Found, Winner};
use super::source;
use crate::output::{Output, count, warn};
use crate::uri::RefUri;
use crate::{exit, view};

#[derive(Args, Debug)]
pub(crate) struct Rebase {
    /// lakebed://repository/branch to rebase: those of its commits that --onto doesn't have are made anew
    branch: RefUri,
    /// The branch, tag or commit that the new commits are to follow
    #[arg(long, value_name = "REF")]
    onto: String,
    /// Which side wins where both changed the same object: the source is the commit that is made anew, the destination what it
    /// is made onto
    #[arg(long)]
    strategy: Option<Winner>,
}

impl Rebase {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<ExitCode> {
        let repository = &self.branch.repository;
        let branch = self.branch.branch()?;
        let onto = source(&self.onto, repository)?;
        match lakebed.rebase(repository, &branch, &onto, self.options("")).await? {
            RebaseOutcome::Rebased { head, replayed, dropped } => {
                let value = json!({ "head": head, "replayed": replayed, "dropped": dropped });
                output.item(&value, || {
                    let made = format!("Made {} anew onto {}", count(replayed, "commit"), self.onto);
                    let left_out = if dropped > 0 { format!(", {dropped} left out") } else { String::new() };
                    format!("{made}{left_out}: {} is at {}", self.branch, view::short(&head.to_string()))
                })?;
            }
            RebaseOutcome::UpToDate { head } => {
                output.item(&json!({ "up_to_date": head }), || format!("Up to date: {} is there", self.branch))?;
            }
            RebaseOutcome::Conflicts { commit, conflicts } => {
                self.list(lakebed, (commit, conflicts), output).await?;
                return Ok(ExitCode::from(exit::CONFLICTS));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn options(&self, conflicts_after: &str) -> RebaseOptions {
        RebaseOptions { strategy: self.strategy.map(Strategy::from), conflicts_after: conflicts_after.to_owned() }
    }

    /// Prints all conflicts of the commit that couldn't be replayed, page by page.
    async fn list(&self, lakebed: &Lakebed, first: (CommitId, Conflicts), output: Output) -> Result<()> {
        let (commit, mut page) = first;
        let branch = self.branch.branch()?;
        let onto = source(&self.onto, &self.branch.repository)?;
        let mut found = Found::default();
        loop {
            found.print(&page, output)?;
            let Some(after) = page.next_after else { break };
            match lakebed.rebase(&self.branch.repository, &branch, &onto, self.options(&after)).await? {
                RebaseOutcome::Conflicts { commit: again, conflicts } if again == commit => page = conflicts,
                _ => {
                    warn("the branch has moved on since");
                    break;
                }
            }
        }
        found.print_unnamed(output)?;
        warn(&format!("commit {commit} couldn't be made anew: {found}; nothing was changed"));
        Ok(())
    }
}
