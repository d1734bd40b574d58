//! `lakebed commit`: commits what is uncommitted on a branch.

use anyhow::Result;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use lakebed_sdk::{Lakebed, NewCommit};

use super::request::{self, RequestArgs};
use super::{parse_pair, to_map};
use crate::output::{Output, count};
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Commit {
    /// lakebed://repository/branch
    branch: RefUri,
    /// Why
    #[arg(long, short, value_parser = NonEmptyStringValueParser::new())]
    message: String,
    /// Attach NAME=VALUE (may be given several times)
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    meta: Vec<(String, String)>,
    /// Commit even if nothing changed
    #[arg(long)]
    allow_empty: bool,
    #[command(flatten)]
    request: RequestArgs,
}

impl Commit {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let id = self.request.id();
        let new = NewCommit {
            message: self.message.clone(),
            metadata: to_map(&self.meta),
            allow_empty: self.allow_empty,
            request_id: Some(id),
        };
        let (repository, branch) = (&self.branch.repository, self.branch.branch()?);
        if self.request.is_detached() {
            return request::began(lakebed.begin_commit(repository, &branch, new).await?, repository, output);
        }
        let ask = async || lakebed.commit(repository, &branch, new.clone()).await;
        let done = request::answer(lakebed, repository, id, ask).await?;
        let mut value = view::commit(&done.commit);
        value["changes"] = done.changes.into();
        output.item(&value, || {
            let id = done.commit.id.to_string();
            match done.changes {
                Some(changes) => format!("Committed {} as {}", count(changes, "change"), view::short(&id)),
                None => format!("A commit at the same time took the changes along: {}", view::short(&id)),
            }
        })
    }
}
