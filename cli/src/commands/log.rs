//! `lakebed log`: the commits that a ref reaches, or those that changed some paths, as a list or a graph.

use anyhow::Result;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use futures::TryStreamExt;
use lakebed_sdk::{CommitId, Lakebed, LogOptions};
use model::Timestamp;

use super::source;
use crate::graph::Graph;
use crate::output::{Output, shown_line};
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
    /// Only first parents: a branch's own history, without the commits that were merged into the branch
    #[arg(long)]
    first_parent: bool,
    /// How many commits at most
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
    /// Begin after this commit
    #[arg(long, value_name = "COMMIT")]
    after: Option<CommitId>,
    /// Only commits that changed this object; a path with / at its end is a folder (may be given several times)
    #[arg(long, value_name = "PATH", conflicts_with = "graph", value_parser = NonEmptyStringValueParser::new())]
    path: Vec<String>,
    /// Only commits that changed an object whose path begins so (may be given several times)
    #[arg(long, value_name = "PREFIX", conflicts_with = "graph", value_parser = NonEmptyStringValueParser::new())]
    prefix: Vec<String>,
    /// Only commits that aren't older than this, as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// End with this branch, tag or commit, if the log comes to it
    #[arg(long, value_name = "REF")]
    stop_at: Option<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write a time like 2026-11-01T00:00:00Z".to_owned())
}

impl Log {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let (folders, objects): (Vec<_>, Vec<_>) = self.path.iter().cloned().partition(|path| path.ends_with('/'));
        let stop_at = self.stop_at.as_ref().map(|at| source(at, &self.reference.repository)).transpose()?;
        let options = LogOptions {
            first_parent: self.first_parent,
            after: self.after,
            objects,
            prefixes: [folders, self.prefix.clone()].concat(),
            since: self.since,
            stop_at,
        };
        let mut commits = lakebed.log(&self.reference.repository, &self.reference.reference, options);
        let mut graph = Graph::default();
        let mut left = self.limit.unwrap_or(usize::MAX);
        while left > 0 {
            let Some(commit) = commits.try_next().await? else { break };
            left -= 1;
            let lines = if self.oneline || self.graph {
                let subject = shown_line(commit.message.lines().next().unwrap_or_default());
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
