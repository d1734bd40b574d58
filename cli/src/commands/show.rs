//! `lakebed show`: a commit and what it changed against its first parent.

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::{DiffKind, DiffOptions, Lakebed};

use crate::output::Output;
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// lakebed://repository/ref
    reference: RefUri,
    /// Leave out what changed
    #[arg(long)]
    no_changes: bool,
}

impl Show {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let repository = &self.reference.repository;
        let commit = lakebed.get_commit(repository, &self.reference.reference).await?;
        output.item(&view::commit(&commit), || view::commit_lines(&commit).join("\n"))?;
        let (Some(parent), false) = (commit.parents.first(), self.no_changes) else { return Ok(()) };
        let (left, right) = (parent.to_string(), commit.id.to_string());
        let mut changes = lakebed.diff(repository, &left, &right, DiffKind::TwoDot, DiffOptions::default());
        while let Some(change) = changes.try_next().await? {
            output.item(&view::diff_item(&change), || view::diff_line(&change))?;
        }
        Ok(())
    }
}
