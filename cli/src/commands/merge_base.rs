//! `lakebed merge-base`: finds the commit from which two refs went apart, or all of them.

use anyhow::{Result, bail};
use clap::Args;
use lakebed_sdk::Lakebed;
use serde_json::json;

use crate::exit::usage;
use crate::output::Output;
use crate::uri::RefUri;

#[derive(Args, Debug)]
pub(crate) struct MergeBase {
    /// lakebed://repository/ref
    left: RefUri,
    /// lakebed://repository/ref
    right: RefUri,
    /// Print all best common ancestors: several, where what was merged into one was merged into the other too
    #[arg(long)]
    all: bool,
}

impl MergeBase {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let Self { left, right, all } = self;
        if left.repository != right.repository {
            usage!("{left} and {right} are in different repositories");
        }
        let found = lakebed.merge_base(&left.repository, &left.reference, &right.reference).await?;
        let Some(base) = found.base else { bail!("{left} and {right} have no commit in common") };
        let mut value = json!({ "left": found.left, "right": found.right, "base": base });
        if *all {
            value["bases"] = json!(found.bases);
        }
        let shown = if *all { &found.bases[..] } else { &[base] };
        output.item(&value, || shown.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }
}
