//! Lookups of one path by commit: requests and bytes with empty caches, CPU with warm ones beside RocksDB's point lookup.

use anyhow::{Context, Result, ensure};
use graveler::RefExpr;
use model::CommitId;
use rocksdb::{DB, IngestExternalFileOptions};

use super::TreesBench;
use super::lake::{Spent, TreeLake};
use super::line::{Line, at_least, at_most, bytes, count, told};
use super::synthetic::{self, mix};
use super::{cpu_of, rocks};
use crate::ratios::progress;

/// Lookups, each with empty caches.
const COLD_LOOKUPS: u64 = 24;
/// What one level (a metarange, a range) may take.
const LEVEL_GETS_MAX: f64 = 2.0;
const LEVEL_BYTES_MAX: f64 = 128.0 * 1024.0;

/// Paths that are looked up again and again, in a slice, and rounds.
const WARM_PATHS: u64 = 1000;
const WARM_LOOKUPS: u64 = 300_000;
const WARM_ROUNDS: usize = 3;
/// Lookups per second of CPU.
const WARM_GOAL: f64 = 300_000.0;

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entries in &bench.sizes {
        progress(&format!("lookup: a tree of {}", count(*entries)));
        let tree = TreeLake::open(&bench.folder, Default::default()).await?.tree(*entries).await?;
        lines.push(cold(bench, &tree, *entries).await?);
        lines.push(warm(bench, &tree, *entries).await?);
    }
    Ok(lines)
}

async fn cold(bench: &TreesBench, tree: &CommitId, entries: u64) -> Result<Line> {
    let (mut total, mut most) = (None::<Spent>, (0, 0));
    for number in 0..COLD_LOOKUPS {
        let lake = TreeLake::open(&bench.folder, Default::default()).await?;
        // The commit's own object is no level of the tree.
        let path = synthetic::path(mix(number) % entries);
        lake.graveler.resolve(&lake.repository.name, &(*tree).into()).await?;
        let (found, spent) =
            lake.measure(async || Ok(lake.graveler.stat(&lake.repository.name, &(*tree).into(), &path).await?)).await?;
        ensure!(found.is_some(), "{path} isn't found");
        most = (most.0.max(spent.store.gets), most.1.max(spent.store.get_bytes));
        total = Some(total.map_or(spent, |total| total.and(&spent)));
    }
    let spent = total.context("nothing was looked up")?;
    let levels = 2.0 + spent.tree.metaranges_opened as f64 / COLD_LOOKUPS as f64;
    let each = |number: u64| number as f64 / COLD_LOOKUPS as f64;
    Ok(Line {
        path: format!("lookup, caches empty, {levels} levels"),
        entries,
        counters: vec![
            at_most(
                format!("{:.1} GETs, {} at most", each(spent.store.gets), most.0),
                most.0 as f64,
                LEVEL_GETS_MAX * levels,
            ),
            at_most(
                format!("{}, {} at most", bytes(each(spent.store.get_bytes)), bytes(most.1 as f64)),
                most.1 as f64,
                LEVEL_BYTES_MAX * levels,
            ),
        ],
        cpu: vec![told(format!("{:.2} ms", spent.cpu / COLD_LOOKUPS as f64 * 1e3))],
        ratios: vec![],
        goal: "≤ 2 GETs and ≤ 128 KiB a level",
    })
}

async fn warm(bench: &TreesBench, tree: &CommitId, entries: u64) -> Result<Line> {
    let lake = TreeLake::open(&bench.folder, Default::default()).await?;
    let paths: Vec<_> = (0..WARM_PATHS).map(|number| synthetic::path(mix(number) % entries)).collect();
    let expr: RefExpr = (*tree).into();
    let ours = async |lookups: u64| {
        for at in 0..lookups {
            let path = &paths[(mix(at) % WARM_PATHS) as usize];
            let found = lake.graveler.stat(&lake.repository.name, &expr, path).await?;
            ensure!(found.is_some(), "{path} isn't found");
        }
        Ok(())
    };
    let base_entries = entries.min(1_000_000);
    let folder = bench.folder.join("lookup-rocks");
    let db = open_base(&folder, base_entries)?;
    let base_paths: Vec<_> = (0..WARM_PATHS).map(|number| synthetic::path(mix(number) % base_entries)).collect();
    let base = async |lookups: u64| {
        for at in 0..lookups {
            let path = &base_paths[(mix(at) % WARM_PATHS) as usize];
            ensure!(db.get_pinned(path.as_bytes())?.is_some(), "{path} isn't found by RocksDB");
        }
        Ok(())
    };
    // Fills the caches.
    ours(WARM_PATHS * 8).await?;
    base(WARM_PATHS * 8).await?;
    let (mut our_cpu, mut base_cpu) = (0.0, 0.0);
    for _ in 0..WARM_ROUNDS {
        base_cpu += cpu_of(async || base(WARM_LOOKUPS).await).await?;
        our_cpu += cpu_of(async || ours(WARM_LOOKUPS).await).await?;
        our_cpu += cpu_of(async || ours(WARM_LOOKUPS).await).await?;
        base_cpu += cpu_of(async || base(WARM_LOOKUPS).await).await?;
    }
    drop(db);
    std::fs::remove_dir_all(&folder)?;
    let rate = |cpu: f64| 2.0 * WARM_ROUNDS as f64 * WARM_LOOKUPS as f64 / cpu;
    let (ours, base) = (rate(our_cpu), rate(base_cpu));
    Ok(Line {
        path: format!("lookup, warm, of {WARM_PATHS} paths"),
        entries,
        counters: vec![],
        cpu: vec![at_least(format!("{:.0} k/s/core", ours / 1e3), ours, WARM_GOAL)],
        ratios: vec![told(format!(
            "{:.2} × RocksDB's get ({:.0} k/s/core, {})",
            ours / base,
            base / 1e3,
            count(base_entries)
        ))],
        goal: "≥ 300 k/s/core",
    })
}

/// A database that has taken in files of the same records.
pub(super) fn open_base(folder: &std::path::Path, entries: u64) -> Result<DB> {
    let files = rocks::write(&folder.join("files"), entries)?;
    let db = DB::open(&rocks::options(), folder.join("db"))?;
    let mut ingest = IngestExternalFileOptions::default();
    ingest.set_move_files(true);
    db.ingest_external_file_opts(&ingest, files)?;
    Ok(db)
}
