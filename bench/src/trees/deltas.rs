//! Commits of updates scattered over a large tree: what they write, with all merging and folding counted, and what
//! reading the outcome takes against the same content without deltas.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt};
use graveler::{DiffKind, DiffRequest, GravelerOptions, ImportListing, ListItem, ListRequest, RefExpr};
use model::{CommitId, ObjectPath};

use super::TreesBench;
use super::lake::TreeLake;
use super::line::{Line, at_most, bytes, count, told};
use super::synthetic::{Objects, entry, mix, path};
use crate::process;
use crate::ratios::progress;

/// Updates of a commit.
const CHANGES: u64 = 10_000;
/// The goals: the median commit against its records, with so much besides; and all commits against all records.
const MEDIAN_TIMES: f64 = 2.0;
const MEDIAN_BYTES: f64 = 262_144.0;
const AMORTIZED_TIMES: f64 = 6.0;
/// The goal of reading, in CPU against the tree without deltas.
const READ_TIMES: f64 = 1.5;
/// Commits whose records are written by themselves too.
const ALONE: u64 = 4;

/// Paths of the row of lookups, and how often each is looked up in a slice.
const PATHS: u64 = 2000;
const LOOKUPS_EACH: u64 = 20;
/// Pages of the row of listings, and their items.
const PAGES: u64 = 60;
const PAGE_ITEMS: usize = 1000;
/// Rounds of interleaved slices.
const ROUNDS: usize = 3;

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entries in &bench.sizes {
        let lake = TreeLake::open(&bench.folder, GravelerOptions::default()).await?;
        let base = lake.tree(*entries).await?;
        let (line, head) = written(bench, &lake, &base, *entries).await?;
        progress(&line.render());
        lines.push(line);
        lines.extend(read(bench, &lake, &base, &head, *entries).await?);
    }
    Ok(lines)
}

/// The head of a chain of commits, and the one before it.
struct Chain {
    before: CommitId,
    head: CommitId,
}

fn objects(commit: u64, entries: u64) -> Objects {
    Objects::scattered(CHANGES, entries, 1000 + commit)
}

/// All objects whose version isn't 0.
fn updated(versions: Vec<u32>) -> ImportListing {
    let objects = (0..).zip(versions).filter(|(_, version)| *version > 0);
    stream::iter(objects.map(|(number, version)| Ok((path(number), entry(number, version.into()))))).boxed()
}

async fn written(bench: &TreesBench, lake: &TreeLake, base: &CommitId, entries: u64) -> Result<(Line, Chain)> {
    let alone = alone(bench, entries).await?;
    let mut chain = Chain { before: *base, head: *base };
    let (mut each, mut cpu, mut seconds) = (Vec::new(), 0.0, 0.0);
    for commit in 0..bench.delta_commits {
        let import = async || lake.import(&chain.head, objects(commit, entries).listing()).await;
        let (built, spent) = lake.measure(import).await?;
        chain = Chain { before: chain.head, head: built.id };
        each.push(spent.store.put_bytes);
        (cpu, seconds) = (cpu + spent.cpu, seconds + spent.seconds);
        if (commit + 1).is_multiple_of(50) {
            let mean = each.iter().sum::<u64>() as f64 / each.len() as f64;
            progress(&format!("deltas: {} commits, {:.2} × their records", each.len(), mean / alone));
        }
    }
    let mean = each.iter().sum::<u64>() as f64 / each.len() as f64;
    each.sort_unstable();
    let (median, most) = (each[each.len() / 2] as f64, each[each.len() - 1] as f64);
    let commits = each.len() as f64;
    let line = Line {
        path: format!("{} commits of {} scattered updates", each.len(), count(CHANGES)),
        entries,
        counters: vec![
            told(format!("records alone {}", bytes(alone))),
            at_most(format!("median {}", bytes(median)), median, MEDIAN_TIMES * alone + MEDIAN_BYTES),
            at_most(format!("amortized {:.2} × the records", mean / alone), mean / alone, AMORTIZED_TIMES),
            told(format!("most {}", bytes(most))),
        ],
        cpu: vec![told(format!("{:.0} ms a commit", cpu / commits * 1e3))],
        ratios: vec![told(format!("{:.0} ms a commit", seconds / commits * 1e3))],
        goal: "median ≤ 2 × the records + 256 KiB, amortized ≤ 6 ×",
    };
    Ok((line, chain))
}

/// What a commit's changed records take, in a tree of their own.
async fn alone(bench: &TreesBench, entries: u64) -> Result<f64> {
    let folder = bench.folder.join("alone");
    let lake = TreeLake::open(&folder, GravelerOptions::default()).await?;
    let first = lake.first_commit().await?;
    let import = async || {
        for commit in 0..ALONE {
            lake.import(&first, objects(commit, entries).listing()).await?;
        }
        Ok(())
    };
    let (_, spent) = lake.measure(import).await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(spent.tree.bytes_written as f64 / ALONE as f64)
}

/// Reads the head with its deltas, and the same content without any.
async fn read(bench: &TreesBench, lake: &TreeLake, base: &CommitId, head: &Chain, entries: u64) -> Result<Vec<Line>> {
    progress("deltas: the same content without deltas");
    let options = GravelerOptions { rewrite_bytes: u64::MAX, ..GravelerOptions::default() };
    let folding = TreeLake::open(&bench.folder, options).await?;
    let last = bench.delta_commits - 1;
    let mut versions = vec![0u32; usize::try_from(entries)?];
    for commit in 0..last {
        let objects = objects(commit, entries);
        let version = u32::try_from(objects.version)?;
        objects.for_each(|number| versions[number as usize] = version);
    }
    let before = folding.import(base, updated(versions)).await?.id;
    let folded = Chain { before, head: folding.import(&before, objects(last, entries).listing()).await?.id };
    let same = lake.graveler.same_content(&lake.repository.name, &head.head.into(), &folded.head.into()).await?;
    anyhow::ensure!(same, "the tree without deltas holds something else");

    // Each has caches of its own.
    let with = TreeLake::open(&bench.folder, GravelerOptions::default()).await?;
    let without = TreeLake::open(&bench.folder, GravelerOptions::default()).await?;
    let sides = [(&with, head), (&without, &folded)];
    Ok(vec![
        compare("lookup, warm", entries, PATHS * LOOKUPS_EACH, sides, async |lake, chain| {
            lookups(lake, &chain.head, entries).await
        })
        .await?,
        compare(&format!("list a page of {PAGE_ITEMS}, warm"), entries, PAGES, sides, async |lake, chain| {
            pages(lake, &chain.head, entries).await
        })
        .await?,
        compare("diff of the last commit", entries, 1, sides, diff).await?,
    ])
}

/// Does the same on both sides, in turns; a first time doesn't count.
async fn compare(
    path: &str,
    entries: u64,
    operations: u64,
    sides: [(&TreeLake, &Chain); 2],
    work: impl AsyncFn(&TreeLake, &Chain) -> Result<()>,
) -> Result<Line> {
    let mut cpu = [0.0; 2];
    for (lake, chain) in sides {
        work(lake, chain).await?;
    }
    for round in 0..2 * ROUNDS {
        for at in [round % 2, 1 - round % 2] {
            let (lake, chain) = sides[at];
            let before = process::cpu_seconds(std::process::id())?;
            work(lake, chain).await?;
            cpu[at] += process::cpu_seconds(std::process::id())? - before;
        }
    }
    let micros = |cpu: f64| cpu / (2 * ROUNDS) as f64 / operations as f64 * 1e6;
    let ratio = cpu[0] / cpu[1];
    Ok(Line {
        path: format!("{path}, with deltas"),
        entries,
        counters: vec![],
        cpu: vec![at_most(format!("{:.1} µs, {ratio:.2} × without", micros(cpu[0])), ratio, READ_TIMES)],
        ratios: vec![],
        goal: "≤ 1.5 × the CPU without deltas",
    })
}

async fn lookups(lake: &TreeLake, commit: &CommitId, entries: u64) -> Result<()> {
    let (name, expr) = (&lake.repository.name, RefExpr::from(*commit));
    let paths: Vec<ObjectPath> = (0..PATHS).map(|n| path(mix(n ^ 0x100c) % entries)).collect();
    for _ in 0..LOOKUPS_EACH {
        for path in &paths {
            lake.graveler.stat(name, &expr, path).await?.context("an object isn't there")?;
        }
    }
    Ok(())
}

async fn pages(lake: &TreeLake, commit: &CommitId, entries: u64) -> Result<()> {
    let (name, expr) = (&lake.repository.name, RefExpr::from(*commit));
    for page in 0..PAGES {
        let number = mix(page ^ 0x9a9e) % (entries - 2 * PAGE_ITEMS as u64);
        let after = path(number).to_string();
        let request = ListRequest { after, amount: PAGE_ITEMS, ..ListRequest::default() };
        let listing = lake.graveler.list(name, &expr, &request).await?;
        let due = path(number + PAGE_ITEMS as u64);
        let is_due = matches!(listing.items.last(), Some(ListItem::Object(last, _)) if *last == due);
        anyhow::ensure!(is_due, "a page ends elsewhere");
    }
    Ok(())
}

async fn diff(lake: &TreeLake, chain: &Chain) -> Result<()> {
    let (name, left, right) = (&lake.repository.name, RefExpr::from(chain.before), RefExpr::from(chain.head));
    let (mut after, mut found) = (String::new(), BTreeSet::new());
    loop {
        let request = DiffRequest { after, amount: PAGE_ITEMS, ..DiffRequest::default() };
        let page = lake.graveler.diff(name, &left, &right, DiffKind::TwoDot, &request).await?;
        found.extend(page.items.iter().map(|item| item.path.clone()));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    anyhow::ensure!(found.len() as u64 > CHANGES * 9 / 10, "{} differences", found.len());
    Ok(())
}
