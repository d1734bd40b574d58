//! Merges of a hundred changes on each side: disjoint ones read no range, and a larger tree costs about as much as a
//! smaller one.

use anyhow::{Result, bail};
use graveler::{MergeOptions, Merged};

use super::TreesBench;
use super::diff::{CHANGES, against, changes};
use super::lake::{Spent, TreeLake, info};
use super::line::{Line, at_most, bytes, count, told};
use super::synthetic::Objects;
use crate::ratios::progress;

/// Merges, each with empty caches: so many that ticks of CPU time are fine enough.
const MERGES: u64 = 64;

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut before = [None, None];
    for entries in &bench.sizes {
        progress(&format!("merge: trees of {}", count(*entries)));
        for (kind, before) in [Kind::Disjoint, Kind::Entangled].into_iter().zip(&mut before) {
            lines.push(line(bench, *entries, kind, before).await?);
        }
    }
    Ok(lines)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Each side changed other ranges.
    Disjoint,
    /// Both changed other objects of the same ranges.
    Entangled,
}

impl Kind {
    /// What source and destination change.
    fn sides(self, entries: u64, seed: u64) -> (Objects, Objects) {
        match self {
            Self::Disjoint => {
                let half = entries / 2;
                let source = seed * 1_000 % (half - CHANGES);
                let destination = half + seed * 1_777 % (half / 2);
                (Objects::run(source..source + CHANGES, seed), Objects::run(destination..destination + CHANGES, seed))
            }
            Self::Entangled => {
                let place = changes("neighbouring", entries - 2 * CHANGES, seed).next().unwrap_or_default();
                let middle = place + CHANGES;
                (Objects::run(place..middle, seed), Objects::run(middle..middle + CHANGES, seed))
            }
        }
    }
}

async fn line(bench: &TreesBench, entries: u64, kind: Kind, before: &mut Option<(u64, Spent)>) -> Result<Line> {
    let lake = TreeLake::open(&bench.folder, Default::default()).await?;
    let tree = lake.tree(entries).await?;
    let mut total = None::<Spent>;
    for number in 0..MERGES {
        let (source, destination) = kind.sides(entries, 2000 + number);
        let source = lake.import(&tree, source.listing()).await?.id;
        let destination = lake.import(&tree, destination.listing()).await?.id;
        let cold = TreeLake::open(&bench.folder, Default::default()).await?;
        let options = MergeOptions::default();
        let (merged, spent) = cold
            .measure(async || {
                Ok(cold.graveler.merge_tree(&cold.repository, &source, &destination, &options, &info()).await?)
            })
            .await?;
        if !matches!(merged, Merged::Clean(_)) {
            bail!("a merge of other changes came to {merged:?}");
        }
        total = Some(total.map_or(spent, |total| total.and(&spent)));
    }
    let Some(spent) = total else { bail!("no merge was measured") };
    let each = |number: f64| number / MERGES as f64;
    let opened = spent.tree.ranges_opened as f64;
    // Both sides of a range that both changed, its base, and what the cuts after it need.
    let bound = if kind == Kind::Disjoint { 0.0 } else { 8.0 * MERGES as f64 };
    let line = Line {
        path: match kind {
            Kind::Disjoint => format!("merge of {CHANGES} and {CHANGES} changes in other ranges, caches empty"),
            Kind::Entangled => format!("merge of {CHANGES} and {CHANGES} changes in the same range, caches empty"),
        },
        entries,
        counters: vec![
            at_most(format!("{:.1} ranges opened", each(opened)), opened, bound),
            told(format!("{:.1} ranges written", each(spent.tree.ranges_written as f64))),
            told(format!("{:.1} GETs of {}", each(spent.store.gets as f64), bytes(each(spent.store.get_bytes as f64)))),
            told(format!("{} written", bytes(each(spent.tree.bytes_written as f64)))),
        ],
        cpu: vec![told(format!("{:.1} ms", each(spent.cpu) * 1e3))],
        ratios: before.iter().map(|before| against(&spent, before)).collect(),
        goal: "disjoint: 0 ranges read; ≤ 1.2 × from 1 M to 10 M",
    };
    *before = Some((entries, spent));
    Ok(line)
}
