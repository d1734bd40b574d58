//! Peak memory of one verb on a large tree, each in a process of its own: this program, started again as
//! `bench tree-step`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use graveler::{DiffKind, DiffRequest, GravelerOptions, ListRequest};
use model::PAGE_MAX;

use super::TreesBench;
use super::lake::TreeLake;
use super::line::{Line, at_most, bytes, count, told};
use super::synthetic::Objects;
use crate::process;
use crate::ratios::progress;

/// Peak memory of any of the verbs.
const PEAK_MAX: f64 = (512u64 << 20) as f64;
/// Entries that a step changes, compares or lists at most.
const TOUCHED_MAX: u64 = 2_000_000;

/// A verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Writes the whole tree.
    Import,
    /// Commits changes to every 50th object.
    Commit,
    /// Pages through what such a commit changed.
    Diff,
    /// Pages through objects.
    List,
}

#[derive(Args)]
pub(crate) struct StepArgs {
    step: Step,
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    entries: u64,
}

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entries in &bench.sizes {
        TreeLake::open(&bench.folder, GravelerOptions::default()).await?.tree(*entries).await?;
        for step in Step::value_variants() {
            progress(&format!("memory: {step:?} of {}", count(*entries)));
            lines.push(line(bench, *step, *entries).await?);
        }
    }
    Ok(lines)
}

async fn line(bench: &TreesBench, step: Step, entries: u64) -> Result<Line> {
    // A tree that is written again would be found again: it is written into a folder of its own.
    let folder = if step == Step::Import { bench.folder.join("memory") } else { bench.folder.clone() };
    let peak = in_child(step, &folder, entries).await;
    if step == Step::Import {
        std::fs::remove_dir_all(&folder).ok();
    }
    let peak = peak?;
    let options = GravelerOptions::default();
    Ok(Line {
        path: match step {
            Step::Import => "peak memory of writing the tree".into(),
            Step::Commit => format!("peak memory of a commit of {} scattered changes", count(touched(entries))),
            Step::Diff => format!("peak memory of a diff of {} changes, in pages", count(touched(entries))),
            Step::List => format!("peak memory of a listing of {}, in pages", count(entries.min(TOUCHED_MAX))),
        },
        entries,
        counters: vec![
            at_most(format!("{} RSS", bytes(peak as f64)), peak as f64, PEAK_MAX),
            told(format!("caches {}, builds {}", bytes(options.cache_bytes as f64), bytes(options.build_bytes as f64))),
        ],
        cpu: vec![],
        ratios: vec![],
        goal: "≤ 512 MiB on 100 M entries",
    })
}

/// How many entries a commit changes.
fn touched(entries: u64) -> u64 {
    (entries / 50).min(TOUCHED_MAX)
}

/// Runs a step in a process of its own; its peak of memory in bytes.
async fn in_child(step: Step, folder: &Path, entries: u64) -> Result<u64> {
    let name = step.to_possible_value().context("a step has a name")?.get_name().to_owned();
    let child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["tree-step", &name, "--entries", &entries.to_string(), "--folder"])
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = child.await?;
    ensure!(output.status.success(), "{name} failed with {}", output.status);
    String::from_utf8(output.stdout)?.trim().parse().context("the step didn't say its peak")
}

/// Does a step in this process, and tells its peak of memory.
pub(crate) async fn run(args: &StepArgs) -> Result<()> {
    use std::io::Write;
    let lake = TreeLake::open(&args.folder, GravelerOptions::default()).await?;
    match args.step {
        Step::Import => drop(lake.tree(args.entries).await?),
        Step::Commit => drop(commit(&lake, args.entries).await?),
        Step::Diff => diff(&lake, args.entries).await?,
        Step::List => list(&lake, args.entries).await?,
    }
    writeln!(std::io::stdout(), "{}", process::memory(std::process::id())?.1)?;
    Ok(())
}

/// The same commit each time, so that the diff finds its ranges written.
async fn commit(lake: &TreeLake, entries: u64) -> Result<model::CommitId> {
    let step = entries / touched(entries).max(1);
    let objects = Objects::every(step, entries, 1);
    Ok(lake.import(&lake.tree(entries).await?, objects.listing()).await?.id)
}

async fn diff(lake: &TreeLake, entries: u64) -> Result<()> {
    let (left, right) = (lake.tree(entries).await?.into(), commit(lake, entries).await?.into());
    process::reset_peak(std::process::id())?;
    let mut request = DiffRequest { amount: PAGE_MAX, ..DiffRequest::default() };
    loop {
        let page = lake.graveler.diff(&lake.repository.name, &left, &right, DiffKind::TwoDot, &request).await?;
        match page.next {
            Some(after) => request.after = after,
            None => return Ok(()),
        }
    }
}

async fn list(lake: &TreeLake, entries: u64) -> Result<()> {
    let at = lake.tree(entries).await?.into();
    let mut request = ListRequest { amount: PAGE_MAX, ..ListRequest::default() };
    for _ in 0..entries.min(TOUCHED_MAX) / PAGE_MAX as u64 {
        let page = lake.graveler.list(&lake.repository.name, &at, &request).await?;
        match page.next {
            Some(after) => request.after = after,
            None => break,
        }
    }
    Ok(())
}
