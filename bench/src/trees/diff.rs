//! Diffs of a hundred changes: nothing that is equal is opened, and a larger tree costs about as much as a smaller one.

use anyhow::{Result, ensure};
use graveler::{DiffKind, DiffRequest};
use model::{CommitId, PAGE_MAX};

use super::TreesBench;
use super::lake::{Spent, TreeLake};
use super::line::{Line, at_most, bytes, count, told};
use super::synthetic::{Objects, mix};
use crate::ratios::progress;

/// Changes between the two commits.
pub(super) const CHANGES: u64 = 100;
/// Diffs, each with empty caches: so many that ticks of CPU time are fine enough.
const DIFFS: u64 = 64;
/// Of the two metaranges: their first blocks, and those that list what differs.
const METARANGE_BLOCKS_MAX: f64 = 8.0;
/// How much longer a diff may take in a tree ten times as large.
pub(super) const SIZES_RATIO: f64 = 1.2;

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut before = [None, None];
    for entries in &bench.sizes {
        progress(&format!("diff: a tree of {}", count(*entries)));
        for (how, before) in ["neighbouring", "scattered"].into_iter().zip(&mut before) {
            lines.push(line(bench, *entries, how, before).await?);
        }
    }
    Ok(lines)
}

/// Numbers of the objects that change.
pub(super) fn changes(how: &str, entries: u64, seed: u64) -> Objects {
    match how {
        "neighbouring" => {
            let place = mix(seed) % (entries - CHANGES);
            Objects::run(place..place + CHANGES, seed)
        }
        _ => Objects::scattered(CHANGES, entries, seed),
    }
}

async fn line(bench: &TreesBench, entries: u64, how: &str, before: &mut Option<(u64, Spent)>) -> Result<Line> {
    let lake = TreeLake::open(&bench.folder, Default::default()).await?;
    let tree = lake.tree(entries).await?;
    let (mut total, mut written, mut found) = (None::<Spent>, 0, 0);
    for number in 0..DIFFS {
        let (changed, spent) =
            lake.measure(async || lake.import(&tree, changes(how, entries, 1000 + number).listing()).await).await?;
        written += spent.tree.ranges_written;
        let cold = TreeLake::open(&bench.folder, Default::default()).await?;
        let (differences, spent) = cold.measure(async || diff(&cold, &tree, &changed.id).await).await?;
        ensure!(differences == changed.changes, "{differences} differences of {}", changed.changes);
        found += differences;
        total = Some(total.map_or(spent, |total| total.and(&spent)));
    }
    let Some(spent) = total else { anyhow::bail!("no diff was measured") };
    let opened = spent.tree.ranges_opened as f64;
    // Each range that was written is opened on its side, and what it replaced on the other. Scattered changes are a delta,
    // under which it is looked up what was there before.
    let opened_max = 2.0 * written as f64 + if how == "scattered" { found as f64 } else { 0.0 };
    let each = |number: f64| number / DIFFS as f64;
    let line = Line {
        path: format!("diff of {CHANGES} {how} changes, caches empty"),
        entries,
        counters: vec![
            at_most(format!("{:.1} ranges opened", each(opened)), opened, opened_max),
            at_most(
                format!("{:.1} blocks read a difference", spent.tree.blocks_read as f64 / found as f64),
                spent.tree.blocks_read as f64,
                4.0 * found as f64 + DIFFS as f64 * METARANGE_BLOCKS_MAX,
            ),
            told(format!("{:.1} GETs of {}", each(spent.store.gets as f64), bytes(each(spent.store.get_bytes as f64)))),
        ],
        cpu: vec![told(format!("{:.1} ms", each(spent.cpu) * 1e3))],
        ratios: before.iter().map(|before| against(&spent, before)).collect(),
        goal: "0 equal ranges opened; ≤ 1.2 × from 1 M to 10 M",
    };
    *before = Some((entries, spent));
    Ok(line)
}

/// Time and CPU against those in a smaller tree; the better of the two is judged, for time is noisy and CPU coarse.
pub(super) fn against(spent: &Spent, (entries, before): &(u64, Spent)) -> crate::rows::Counter {
    let (time, cpu) = (spent.seconds / before.seconds, spent.cpu / before.cpu);
    let text = format!("{time:.2} × the time and {cpu:.2} × the CPU at {}", count(*entries));
    at_most(text, time.min(cpu), SIZES_RATIO)
}

/// Counts all differences.
async fn diff(lake: &TreeLake, left: &CommitId, right: &CommitId) -> Result<u64> {
    let mut request = DiffRequest { amount: PAGE_MAX, ..DiffRequest::default() };
    let mut found = 0;
    loop {
        let (left, right) = ((*left).into(), (*right).into());
        let page = lake.graveler.diff(&lake.repository.name, &left, &right, DiffKind::TwoDot, &request).await?;
        found += page.items.len() as u64;
        match page.next {
            Some(after) => request.after = after,
            None => return Ok(found),
        }
    }
}
