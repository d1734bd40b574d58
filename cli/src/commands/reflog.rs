//! `lakebed reflog`: where a branch's head was, and who moved it.

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::Lakebed;

use crate::output::{Output, shown, shown_line};
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Reflog {
    /// lakebed://repository/branch, also a deleted one
    branch: RefUri,
    /// How many moves at most
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
}

impl Reflog {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let branch = self.branch.branch()?;
        let mut moves = lakebed.reflog(&self.branch.repository, &branch);
        for number in 0..self.limit.unwrap_or(usize::MAX) {
            let Some(moved) = moves.try_next().await? else { break };
            output.item(&view::reflog_entry(&moved), || {
                let head = moved.new.map(|id| id.to_string());
                let head = head.as_deref().map_or("deleted     ", view::short);
                let (who, why) = (shown(&moved.who), shown_line(&moved.why));
                format!("{head}  {branch}@{{{number}}}  {}  {who}  {why}", moved.at)
            })?;
        }
        Ok(())
    }
}
