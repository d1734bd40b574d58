//! `lakebed log`: the commits that a ref reaches, as a list or a graph.

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::{CommitId, Lakebed, LogOptions};

use crate::graph::Graph;
use crate::output::{Output, shown};
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Log {
    /// lakebed://repository/ref
    reference: RefUri,
    /// Draw branches and merges
    #[arg(long)]
    graph: bool,
    /// One line for each commit
    #[arg(long)]
    oneline: bool,
    /// Only first parents: the branch's own history, without what was merged into it
    #[arg(long)]
    first_parent: bool,
    /// How many commits at most
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
    /// Begin behind this commit
    #[arg(long, value_name = "COMMIT")]
    after: Option<CommitId>,
}

impl Log {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let options = LogOptions { first_parent: self.first_parent, after: self.after };
        let mut commits = lakebed.log(&self.reference.repository, &self.reference.reference, options);
        let mut graph = Graph::default();
        let mut left = self.limit.unwrap_or(usize::MAX);
        while left > 0 {
            let Some(commit) = commits.try_next().await? else { break };
            left -= 1;
            let lines = if self.oneline || self.graph {
                let subject = shown(commit.message.lines().next().unwrap_or_default());
                vec![format!("{} {} {subject}", view::short(&commit.id.to_string()), commit.created_at)]
            } else {
                view::commit_lines(&commit)
            };
            let parents =
                if self.first_parent { &commit.parents[..commit.parents.len().min(1)] } else { &commit.parents };
            output.item(&view::commit(&commit), || {
                if self.graph { graph.commit(commit.id, parents, &lines).join("\n") } else { lines.join("\n") }
            })?;
        }
        Ok(())
    }
}
