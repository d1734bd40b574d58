//! Imports: a listing of so many objects that exist nowhere, written as a tree step by step as the server does it, and laid
//! over an empty branch. CPU per entry (the listing's own subtracted), bytes, requests and peak memory.

use anyhow::Result;
use futures::StreamExt;
use graveler::{GravelerOptions, ImportCheckpoint, Progress};

use super::lake::{TreeLake, info};
use super::line::{Line, at_least, at_most, bytes, count, told};
use super::synthetic::Objects;
use super::{TreesBench, cpu_of};
use crate::process;
use crate::ratios::progress;

/// Entries per second of CPU.
const GOAL: f64 = 800_000.0;
/// Objects of a step, as the server's imports have them.
const STEP_OBJECTS: u64 = 1 << 20;
/// What may be held beside the caches and two ranges a worker.
const BESIDE_CACHES: u64 = 64 << 20;

/// A line for each size.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entries in &bench.sizes {
        progress(&format!("import: {}", count(*entries)));
        lines.push(line(bench, *entries).await?);
    }
    Ok(lines)
}

async fn line(bench: &TreesBench, entries: u64) -> Result<Line> {
    let folder = bench.folder.join("imported");
    let options = GravelerOptions::default();
    let lake = TreeLake::open(&folder, options.clone()).await?;
    let listing = || Objects::run(0..entries, 0).listing();
    let making =
        cpu_of(async || Ok(listing().fold(0usize, async |n, found| n + usize::from(found.is_ok())).await)).await?;
    process::reset_peak(std::process::id())?;
    let (steps, spent) = lake.measure(async || import(&lake, entries).await).await?;
    let peak = process::memory(std::process::id())?.1;
    drop(lake);
    std::fs::remove_dir_all(&folder)?;

    let rate = entries as f64 / (spent.cpu - making);
    let peak_max = options.cache_bytes + BESIDE_CACHES + 2 * options.range_bytes * options.builds_max as u64;
    Ok(Line {
        path: "import of a listing into an empty branch".into(),
        entries,
        counters: vec![
            told(format!(
                "{} written ({:.1} B/entry)",
                bytes(spent.tree.bytes_written as f64),
                spent.tree.bytes_written as f64 / entries as f64
            )),
            told(format!(
                "{} ranges, {} requests to the store, {steps} steps",
                spent.tree.ranges_written,
                spent.store.puts + spent.store.gets
            )),
            at_most(format!("peak {} RSS", bytes(peak as f64)), peak as f64, peak_max as f64),
        ],
        cpu: vec![at_least(format!("{:.2} M entries/s/core", rate / 1e6), rate, GOAL)],
        ratios: vec![told(format!(
            "{:.2} M entries/s, the listing's making included",
            entries as f64 / spent.seconds / 1e6
        ))],
        goal: "≥ 0.8 M entries/s/core; RSS ≤ caches + 64 MiB + 2 ranges per worker",
    })
}

/// Imports all; says in how many steps.
async fn import(lake: &TreeLake, entries: u64) -> Result<u64> {
    let (mut imported, mut rest) = (ImportCheckpoint::default(), Some(Objects::run(0..entries, 0).listing()));
    let (progress, mut steps) = (Progress::default(), 0);
    while let Some(listing) = rest {
        let is_enough = |taken| taken >= STEP_OBJECTS;
        let step = lake.graveler.import_step(&lake.repository, imported, listing, is_enough, &progress).await?;
        (imported, rest) = (step.checkpoint, step.rest);
        steps += 1;
    }
    let first = lake.first_commit().await?;
    lake.graveler.build_imported(&lake.repository, &first, &imported, &info()).await?;
    Ok(steps)
}
