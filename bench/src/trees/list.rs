//! Listings: common prefixes are skipped by seeking, and a million staged deletions cost no more than twice what listing
//! the same objects costs.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use graveler::{Change, ListItem, ListRequest, RefExpr};
use metadata_server::{MetadataOptions, MetadataServer};
use model::{Command, MetaStore, PAGE_MAX, StagedValue, SystemClock};

use super::lake::TreeLake;
use super::line::{Line, at_most, bytes, count, told};
use super::lookup::open_base;
use super::synthetic::{self, FILES_PER_TABLE, Objects};
use super::{TreesBench, cpu_of};
use crate::ratios::progress;
use crate::serve::{Asked, CountingMeta};

/// Common prefixes of a page.
const PREFIXES: usize = 1000;
/// Days are what a path has before this.
const BEHIND_DAY: &str = "/part-";
/// Tables whose objects are all deleted: a million objects.
const DELETED_TABLES: u64 = 5;
/// Listings with deletions, and without.
const ROUNDS: usize = 2;

/// All lines of the row.
pub(crate) async fn lines(bench: &TreesBench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entries in &bench.sizes {
        progress(&format!("list: a tree of {}", count(*entries)));
        lines.push(prefixes(bench, *entries).await?);
        lines.push(pages(bench, *entries).await?);
        if *entries >= 2 * DELETED_TABLES * FILES_PER_TABLE {
            lines.extend(deletions(bench, *entries).await?);
        }
    }
    Ok(lines)
}

/// One page of days.
async fn prefixes(bench: &TreesBench, entries: u64) -> Result<Line> {
    let tree: RefExpr = TreeLake::open(&bench.folder, Default::default()).await?.tree(entries).await?.into();
    let lake = TreeLake::open(&bench.folder, Default::default()).await?;
    let delimiter = Some(BEHIND_DAY.to_owned());
    let request = ListRequest { prefix: "lake/".into(), delimiter, amount: PREFIXES, after: String::new() };
    let (listing, spent) =
        lake.measure(async || Ok(lake.graveler.list(&lake.repository.name, &tree, &request).await?)).await?;
    ensure!(listing.items.len() == PREFIXES, "{} common prefixes", listing.items.len());
    let each = |number: u64| number as f64 / PREFIXES as f64;
    // One block a prefix in the ranges, and what of the metaranges was read.
    let levels = if spent.tree.metaranges_opened > 0 { 3.0 } else { 2.0 };
    Ok(Line {
        path: format!("list of {PREFIXES} common prefixes, caches empty"),
        entries,
        counters: vec![
            at_most(
                format!("{:.2} blocks a prefix", each(spent.tree.blocks_read)),
                each(spent.tree.blocks_read),
                levels,
            ),
            told(format!("{:.2} GETs a prefix, {}", each(spent.store.gets), bytes(spent.store.get_bytes as f64))),
        ],
        cpu: vec![told(format!("{:.0} µs a prefix", spent.cpu / PREFIXES as f64 * 1e6))],
        ratios: vec![],
        goal: "≤ 1 seek and 1 block a prefix and level",
    })
}

/// Pages of objects, one after the other, beside RocksDB's iterator.
async fn pages(bench: &TreesBench, entries: u64) -> Result<Line> {
    let listed = entries.min(1_000_000);
    let lake = TreeLake::open(&bench.folder, Default::default()).await?;
    let tree: RefExpr = lake.tree(entries).await?.into();
    let folder = bench.folder.join("list-rocks");
    let db = open_base(&folder, listed)?;
    let base = async || {
        let mut iterator = db.raw_iterator();
        iterator.seek_to_first();
        let mut bytes = 0;
        while let Some((key, value)) = iterator.item() {
            bytes += key.len() + value.len();
            iterator.next();
        }
        Ok(std::hint::black_box(bytes))
    };
    let ours = async || walk(&lake, &tree, "lake/", listed).await;
    let (mut our_cpu, mut base_cpu) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        base_cpu += cpu_of(base).await?;
        our_cpu += cpu_of(ours).await?;
        our_cpu += cpu_of(ours).await?;
        base_cpu += cpu_of(base).await?;
    }
    drop(db);
    std::fs::remove_dir_all(&folder)?;
    let rate = |cpu: f64| 2.0 * ROUNDS as f64 * listed as f64 / cpu;
    Ok(Line {
        path: format!("list of {} objects in pages of {PAGE_MAX}", count(listed)),
        entries,
        counters: vec![],
        cpu: vec![told(format!("{:.2} M/s/core", rate(our_cpu) / 1e6))],
        ratios: vec![told(format!(
            "{:.2} × RocksDB's iterator, which decodes no entry ({:.2} M/s/core)",
            base_cpu / our_cpu,
            rate(base_cpu) / 1e6
        ))],
        goal: "–",
    })
}

/// Lists at least so many objects under a prefix, page by page, from its beginning.
async fn walk(lake: &TreeLake, at: &RefExpr, prefix: &str, amount: u64) -> Result<u64> {
    let mut request = ListRequest { prefix: prefix.into(), amount: PAGE_MAX, ..ListRequest::default() };
    let mut listed = 0;
    while listed < amount {
        let page = lake.graveler.list(&lake.repository.name, at, &request).await?;
        listed += page.items.len() as u64;
        match page.next {
            Some(after) => request.after = after,
            None => break,
        }
    }
    ensure!(listed >= amount, "{listed} objects where {amount} were due");
    Ok(listed)
}

/// A branch on which a million objects are deleted and not committed, beside one where they are there.
async fn deletions(bench: &TreesBench, entries: u64) -> Result<Vec<Line>> {
    let folder = bench.folder.join("deletions-metadata");
    let server = MetadataServer::start(MetadataOptions::new(folder.clone(), Arc::new(SystemClock))).await?;
    let asked = Arc::new(Asked::default());
    let meta: Arc<dyn MetaStore> = Arc::new(CountingMeta { meta: server.store(), asked: asked.clone() });
    let lake = TreeLake::open_with(&bench.folder, Default::default(), meta).await?;
    let tree = lake.tree(entries).await?;
    let (clean, deleted) = (lake.branch("clean", tree).await?, lake.branch("deleted", tree).await?);
    let amount = DELETED_TABLES * FILES_PER_TABLE;
    let mut numbers = Objects::run(0..amount, 0).peekable();
    while numbers.peek().is_some() {
        let some = numbers.by_ref().take(Command::STAGED_CHANGES_MAX);
        let some =
            some.map(|number| Change { path: synthetic::path(number), value: StagedValue::Tombstone, require: None });
        lake.graveler.stage(&lake.repository.name, &deleted, some.collect()).await?;
    }
    let (clean, deleted): (RefExpr, RefExpr) = ((&clean).into(), (&deleted).into());
    let all = async || walk(&lake, &clean, "lake/", amount + PAGE_MAX as u64).await;
    let few = async || walk(&lake, &deleted, "lake/", PAGE_MAX as u64).await;
    let (mut clean_cpu, mut deleted_cpu, mut seconds, mut questions) = (0.0, 0.0, 0.0, 0);
    for _ in 0..ROUNDS {
        clean_cpu += cpu_of(all).await?;
        let (begun, before) = (Instant::now(), asked.lookups());
        deleted_cpu += cpu_of(few).await?;
        deleted_cpu += cpu_of(few).await?;
        seconds += begun.elapsed().as_secs_f64() / 2.0;
        questions += (asked.lookups() - before) / 2;
        clean_cpu += cpu_of(all).await?;
    }
    let request =
        ListRequest { prefix: "lake/".into(), delimiter: Some("/".into()), amount: PAGE_MAX, ..ListRequest::default() };
    let before = asked.lookups();
    let tables = lake.graveler.list(&lake.repository.name, &deleted, &request).await?;
    let table_questions = asked.lookups() - before;
    let first = tables.items.first().context("no table is left")?;
    ensure!(
        *first == ListItem::CommonPrefix(format!("lake/table-{DELETED_TABLES:04}/")),
        "a deleted table is shown: {first:?}"
    );
    server.shutdown().await;
    std::fs::remove_dir_all(&folder)?;
    let each = |cpu: f64| cpu / (2.0 * ROUNDS as f64) / amount as f64 * 1e6;
    let ratio = deleted_cpu / clean_cpu;
    Ok(vec![Line {
        path: format!("list of {PAGE_MAX} objects behind {} staged deletions", count(amount)),
        entries,
        counters: vec![
            told(format!("{} questions to the metadata service", questions / ROUNDS as u64)),
            told(format!("{table_questions} for a page by delimiter")),
        ],
        cpu: vec![told(format!("{:.2} µs a deletion", each(deleted_cpu)))],
        ratios: vec![
            at_most(format!("{ratio:.2} × the CPU of listing them ({:.2} µs each)", each(clean_cpu)), ratio, 2.0),
            told(format!("{:.1} s", seconds / ROUNDS as f64)),
        ],
        goal: "≤ 2 × the clean listing of the same objects",
    }])
}
