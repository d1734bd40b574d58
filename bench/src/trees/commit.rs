//! Commits into trees: bytes and ranges against lakeFS's rule on the same changes, CPU per rewritten entry against
//! RocksDB's writer on the same records, and time against the size of the tree.

use anyhow::Result;
use futures::StreamExt;
use model::CommitId;

use super::lake::{Spent, TreeLake};
use super::lakefs_rule::LakefsTree;
use super::line::{Line, at_least, at_most, bytes, count, told};
use super::rocks;
use super::synthetic::{Objects, mix};
use super::{TreesBench, cpu_of};
use crate::ratios::progress;

/// Changes of a commit, how many commits at different places, and the goal against lakeFS's bytes.
const CLUSTERS: [(u64, u64, f64); 3] = [(1, 32, 0.20), (10_000, 8, 0.25), (1_000_000, 1, 0.70)];
/// The size for which the goals against lakeFS's bytes hold.
const GOAL_ENTRIES: u64 = 100_000_000;

/// Entries that a slice of the row on CPU writes, and rounds of it.
const WRITTEN_ENTRIES: u64 = 500_000;
const WRITTEN_ROUNDS: usize = 3;
/// Entries per second of CPU.
const WRITTEN_GOAL: f64 = 800_000.0;

/// Changes of the commits whose time must not follow the tree's size, how many commits, and the goal of the ratio.
const FEW_CHANGES: u64 = 1000;
const FEW_COMMITS: u64 = 16;
/// Fewer in a large tree: scattered changes touch as many ranges as they are, and write gigabytes.
const FEW_COMMITS_LARGE: u64 = 2;
const SIZES_RATIO: f64 = 1.2;

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = vec![written(bench).await?];
    let entry_bytes = rocks::lakefs_entry_bytes(&bench.folder)?;
    let (mut few_before, mut scattered_before) = (None, None);
    for entries in &bench.sizes {
        progress(&format!("commit: a tree of {}", count(*entries)));
        let lake = TreeLake::open(&bench.folder, Default::default()).await?;
        let tree = lake.tree(*entries).await?;
        let lakefs = LakefsTree::new(*entries, entry_bytes);
        for (changes, commits, goal) in CLUSTERS.into_iter().filter(|(changes, ..)| changes * 2 <= *entries) {
            lines.push(clustered(&lake, &tree, &lakefs, *entries, changes, commits, goal).await?);
        }
        let near = |commit: u64| {
            let place = mix(commit ^ 0xface) % (entries - FEW_CHANGES);
            Objects::run(place..place + FEW_CHANGES, 100 + commit)
        };
        lines.push(few(&lake, &tree, *entries, "neighbouring", near, &mut few_before).await?);
        let anywhere = |commit: u64| Objects::scattered(FEW_CHANGES, *entries, 200 + commit);
        lines.push(few(&lake, &tree, *entries, "scattered", anywhere, &mut scattered_before).await?);
    }
    Ok(lines)
}

/// Writes a tree of all new entries, beside RocksDB's writer with the same records.
async fn written(bench: &TreesBench) -> Result<Line> {
    let folder = bench.folder.join("written");
    let lake = TreeLake::open(&folder, Default::default()).await?;
    let first = lake.first_commit().await?;
    let ours = async || {
        let listing = || Objects::run(0..WRITTEN_ENTRIES, 0).listing();
        let making =
            cpu_of(async || Ok(listing().fold(0usize, async |n, found| n + usize::from(found.is_ok())).await)).await?;
        anyhow::Ok(cpu_of(async || lake.import(&first, listing()).await.map(drop)).await? - making)
    };
    let base = async || {
        let making = cpu_of(async || Ok(rocks::only_make(WRITTEN_ENTRIES))).await?;
        let writing = cpu_of(async || rocks::write(&folder.join("rocks"), WRITTEN_ENTRIES).map(drop)).await?;
        anyhow::Ok(writing - making)
    };
    let (mut our_cpu, mut base_cpu) = (0.0, 0.0);
    for _ in 0..WRITTEN_ROUNDS {
        base_cpu += base().await?;
        our_cpu += ours().await? + ours().await?;
        base_cpu += base().await?;
    }
    std::fs::remove_dir_all(&folder)?;
    let rate = |cpu: f64| (2 * WRITTEN_ROUNDS) as f64 * WRITTEN_ENTRIES as f64 / cpu;
    let (ours, base) = (rate(our_cpu), rate(base_cpu));
    Ok(Line {
        path: "commit, every entry new".into(),
        entries: WRITTEN_ENTRIES,
        counters: vec![],
        cpu: vec![at_least(format!("{:.2} M entries/s/core", ours / 1e6), ours, WRITTEN_GOAL)],
        ratios: vec![told(format!("{:.2} × RocksDB's writer ({:.2} M entries/s/core)", ours / base, base / 1e6))],
        goal: "≥ 0.8 M entries/s/core",
    })
}

/// Commits of few changes; in a larger tree they should take what they take in a smaller one.
async fn few(
    lake: &TreeLake,
    tree: &CommitId,
    entries: u64,
    how: &str,
    objects: impl Fn(u64) -> Objects,
    before: &mut Option<(u64, (f64, f64))>,
) -> Result<Line> {
    let commits = if entries < GOAL_ENTRIES { FEW_COMMITS } else { FEW_COMMITS_LARGE };
    // Once unmeasured: metaranges are cached from then on.
    lake.import(tree, objects(commits).listing()).await?;
    let (_, spent) = lake
        .measure(async || {
            for commit in 0..commits {
                lake.import(tree, objects(commit).listing()).await?;
            }
            Ok(())
        })
        .await?;
    let each = |number: f64| number / commits as f64;
    let (seconds, cpu) = (each(spent.seconds), each(spent.cpu));
    let ratios = before.map(|(size, small)| {
        let (time, cpu) = (seconds / small.0, cpu / small.1);
        let text = format!("{time:.2} × the time and {cpu:.2} × the CPU at {}", count(size));
        at_most(text, time.min(cpu), SIZES_RATIO)
    });
    *before = Some((entries, (seconds, cpu)));
    Ok(Line {
        path: format!("commit of {FEW_CHANGES} {how} changes"),
        entries,
        counters: vec![
            told(format!("{} written", bytes(each(spent.tree.bytes_written as f64)))),
            told(format!("{:.1} ranges", each(spent.tree.ranges_written as f64))),
            told(format!("{:.1} GETs", each(spent.store.gets as f64))),
        ],
        cpu: vec![told(format!("{:.1} ms", each(spent.cpu) * 1e3))],
        ratios: ratios.into_iter().collect(),
        goal: "≤ 1.2 × from 1 M to 10 M",
    })
}

/// Commits of neighbouring changes, at places all over the tree.
async fn clustered(
    lake: &TreeLake,
    tree: &CommitId,
    lakefs: &LakefsTree,
    entries: u64,
    changes: u64,
    commits: u64,
    goal: f64,
) -> Result<Line> {
    let place = |commit: u64| mix(commit) % (entries - changes);
    let objects = |commit: u64| Objects::run(place(commit)..place(commit) + changes, 1 + commit);
    let (_, spent) = lake
        .measure(async || {
            for commit in 0..commits {
                lake.import(tree, objects(commit).listing()).await?;
            }
            Ok(())
        })
        .await?;
    let theirs: Vec<_> = (0..commits).map(|commit| lakefs.commit(objects(commit))).collect();
    let (their_bytes, their_ranges) =
        theirs.iter().fold((0.0, 0), |(bytes, ranges), one| (bytes + one.bytes, ranges + one.ranges));
    let Spent { tree: done, .. } = spent;
    let ratio = done.bytes_written as f64 / their_bytes;
    let each = |number: u64| number as f64 / commits as f64;
    let judged = if entries >= GOAL_ENTRIES { at_most } else { |text: String, _, _| told(text) };
    Ok(Line {
        path: format!("commit of {} neighbouring changes (mean of {commits})", count(changes)),
        entries,
        counters: vec![
            judged(
                format!(
                    "{} written, {ratio:.2} of lakeFS's {}",
                    bytes(each(done.bytes_written)),
                    bytes(their_bytes / commits as f64)
                ),
                ratio,
                goal,
            ),
            told(format!(
                "{:.1} ranges (lakeFS {:.1})",
                each(done.ranges_written),
                their_ranges as f64 / commits as f64
            )),
            told(format!("{:.0} blocks encoded, {:.0} copied", each(done.blocks_encoded), each(done.blocks_copied))),
            told(format!(
                "{:.1} GETs of {}, {:.1} PUTs",
                each(spent.store.gets),
                bytes(each(spent.store.get_bytes)),
                each(spent.store.puts)
            )),
        ],
        cpu: vec![told(format!("{:.1} ms", spent.cpu / commits as f64 * 1e3))],
        ratios: vec![],
        goal: "bytes ≤ 0.20 / 0.25 / 0.70 of lakeFS's at 100 M",
    })
}
