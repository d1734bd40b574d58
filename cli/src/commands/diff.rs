//! `lakebed diff`: what differs between two refs, or what is uncommitted on a branch.

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::{DiffKind, DiffOptions, Lakebed};

use crate::exit::{Usage, usage};
use crate::output::Output;
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// lakebed://repository/ref; alone, a branch whose uncommitted changes are shown
    left: RefUri,
    /// lakebed://repository/ref to compare the first with
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
            None if self.left.reference.contains("..") => return Err(two_refs(&self.left)),
            None => lakebed.diff_uncommitted(repository, &self.left.branch()?, options),
        };
        while let Some(item) = items.try_next().await? {
            output.item(&view::diff_item(&item), || view::diff_line(&item))?;
        }
        Ok(())
    }
}

/// Says how two refs are named, of git's `main..fix` and `main...fix`.
fn two_refs(typed: &RefUri) -> anyhow::Error {
    let (left, right) = typed.reference.split_once("..").unwrap_or((&typed.reference, ""));
    let (right, three_dot) = match right.strip_prefix('.') {
        Some(right) => (right, " --three-dot"),
        None => (right, ""),
    };
    let of = |reference: &str| {
        let reference = if reference.is_empty() { "REF" } else { reference };
        format!("lakebed://{}/{reference}", typed.repository)
    };
    Usage(format!("{typed} isn't one ref; name both: lakebed diff {} {}{three_dot}", of(left), of(right))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_s_dots_are_told_apart() {
        for (typed, says) in [
            ("main..fix", "lakebed diff lakebed://trips/main lakebed://trips/fix"),
            ("main...fix", "lakebed diff lakebed://trips/main lakebed://trips/fix --three-dot"),
            ("main...", "lakebed diff lakebed://trips/main lakebed://trips/REF --three-dot"),
        ] {
            let told = two_refs(&format!("lakebed://trips/{typed}").parse().unwrap()).to_string();
            assert!(told.ends_with(says), "{told}");
        }
    }
}
