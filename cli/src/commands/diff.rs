//! `lakebed diff`: what differs between two refs, or what is uncommitted on a branch.

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::{DiffKind, DiffOptions, Lakebed};

use crate::exit::usage;
use crate::output::Output;
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// lakebed://repository/ref; alone, a branch whose uncommitted changes are shown
    left: RefUri,
    /// lakebed://repository/ref to compare it with
    right: Option<RefUri>,
    /// Compare from where both went apart: what a merge of the second into the first would bring, and its conflicts
    #[arg(long, requires = "right")]
    three_dot: bool,
    /// Only paths that begin so
    #[arg(long, default_value = "")]
    prefix: String,
    /// Show only the folders under the prefix in which something differs
    #[arg(long)]
    folders: bool,
}

impl Diff {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let repository = &self.left.repository;
        let options = DiffOptions { prefix: self.prefix.clone(), delimiter: self.folders.then(|| "/".to_owned()) };
        let mut items = match &self.right {
            Some(right) if right.repository != *repository => {
                usage!("{} and {right} are in different repositories", self.left);
            }
            Some(right) => {
                let kind = if self.three_dot { DiffKind::ThreeDot } else { DiffKind::TwoDot };
                lakebed.diff(repository, &self.left.reference, &right.reference, kind, options)
            }
            None => lakebed.diff_uncommitted(repository, &self.left.reference.parse()?, options),
        };
        while let Some(item) = items.try_next().await? {
            output.item(&view::diff_item(&item), || view::diff_line(&item))?;
        }
        Ok(())
    }
}
