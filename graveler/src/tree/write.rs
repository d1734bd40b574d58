//! Writes a tree with changes: in the ranges that they touch, or as a delta over them. Owns the choice, and when deltas
//! are merged and folded into the base; `apply` rewrites ranges, `layers` writes the root over deltas.
//! Invariant: what a commit writes depends on its base and its changes alone. docs/design/0002-delta-ranges.md has the
//! arithmetic.
//!
//! A tree without deltas is rewritten, so that it stays canonical, unless the ranges that the changes touch have more
//! than [`GravelerOptions::rewrite_bytes`] and more than [`DELTA_WORTH`] times the bytes of the changes. Over deltas,
//! another is written. When the deltas have grown to 1/[`FOLD_PARTS`] of the base's records, they are folded into it,
//! and the choice is the first again.

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use model::MetaRangeId;

use super::apply::{Changes, TreeChange, apply};
use super::builder::TreeBuilder;
use super::digest::Digest;
use super::layers::{Layers, Tree};
use super::merged_deltas::MergedDeltas;
use super::range_info::RangeInfo;
use super::record::{TOMBSTONE, identity_in};
use super::{Files, TreeCursor};
use crate::{Error, GravelerOptions};

/// A byte of a delta is written some five times until it is in the base, and is compressed to less than half; so a
/// delta is worth it when rewriting costs as much more.
const DELTA_WORTH: u64 = 4;
/// Deltas are folded into the base when they have so much of its records: a half.
const FOLD_PARTS: u64 = 2;

/// A tree that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) root: Option<MetaRangeId>,
    /// How many changes changed something; of none, the tree is the one before.
    pub(crate) changed: u64,
}

/// Writes `root` with `changes`.
pub(crate) async fn write(
    files: &Files,
    options: &GravelerOptions,
    root: Option<MetaRangeId>,
    changes: &mut impl Changes,
) -> Result<Written, Error> {
    let mut changes = Chunks { changes, bytes_max: options.delta_chunk_bytes, next: Vec::new() };
    changes.fill().await?;
    if changes.next.is_empty() {
        return Ok(Written { root, changed: 0 });
    }
    let before = files.tree(root).await?;
    let folded = if is_fold_due(&before) { Some(fold(files, options, &before).await?) } else { None };
    let (base, deltas) = match &folded {
        Some(base) => (*base, 0),
        None => (before.base, before.deltas.len()),
    };
    let rewrites = deltas == 0 && is_rewritten(files, options, base, &changes.next).await?;
    let written = match base {
        Some(base) if !rewrites => {
            let delta = DeltaOver { files, options, before: &before, base, deltas };
            delta.write(&mut changes).await?
        }
        _ => rewrite(files, options, base, &mut changes).await?,
    };
    Ok(if written.changed == 0 { Written { root, changed: 0 } } else { written })
}

/// Changes, a chunk of them held in memory.
struct Chunks<'a, C> {
    changes: &'a mut C,
    bytes_max: usize,
    next: Vec<TreeChange>,
}

impl<C: Changes> Chunks<'_, C> {
    /// Reads the next chunk; empty at the end.
    async fn fill(&mut self) -> Result<(), Error> {
        self.next.clear();
        let mut bytes = 0;
        while bytes < self.bytes_max
            && let Some(change) = self.changes.next_change().await?
        {
            bytes += change.key.len() + change.value.as_ref().map_or(0, Bytes::len) + size_of::<TreeChange>();
            self.next.push(change);
        }
        // The first comes last, to be taken from the end.
        self.next.reverse();
        Ok(())
    }
}

impl<C: Changes> Changes for Chunks<'_, C> {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        match self.next.pop() {
            Some(change) => Ok(Some(change)),
            None => self.changes.next_change().await,
        }
    }
}

fn is_fold_due(tree: &Tree) -> bool {
    let base = tree.base_info.as_ref().map_or(0, |base| base.entries);
    !tree.deltas.is_empty() && tree.delta_entries() >= base / FOLD_PARTS
}

/// Writes the base with all that the deltas say.
async fn fold(files: &Files, options: &GravelerOptions, tree: &Tree) -> Result<Option<MetaRangeId>, Error> {
    let mut builder = TreeBuilder::new(files, options);
    let mut deltas = MergedDeltas::over(files, &tree.deltas).reading_all();
    apply(files, tree.base, &mut deltas, &mut builder).await?;
    builder.finish().await
}

async fn rewrite(
    files: &Files,
    options: &GravelerOptions,
    base: Option<MetaRangeId>,
    changes: &mut impl Changes,
) -> Result<Written, Error> {
    let mut builder = TreeBuilder::new(files, options);
    let changed = apply(files, base, changes, &mut builder).await?;
    let root = if changed == 0 { base } else { builder.finish().await? };
    Ok(Written { root, changed })
}

/// Whether changes (the last first) of a tree without deltas are written in the ranges that they touch.
async fn is_rewritten(
    files: &Files,
    options: &GravelerOptions,
    base: Option<MetaRangeId>,
    changes: &[TreeChange],
) -> Result<bool, Error> {
    let weight = |change: &TreeChange| change.key.len() + change.value.as_ref().map_or(0, Bytes::len) + 8;
    let delta_bytes: usize = changes.iter().map(weight).sum();
    let bytes_max = options.rewrite_bytes.max(DELTA_WORTH * delta_bytes as u64);
    let (mut walk, mut bytes, mut counted) = (TreeCursor::open(files, base).await?, 0, None);
    for change in changes.iter().rev() {
        walk.seek(&change.key).await?;
        while walk.node().is_some_and(|node| node.height > 0 && node.first_key <= change.key) {
            walk.load().await?;
        }
        let Some(range) = walk.node().filter(|node| node.height == 0) else { continue };
        if counted.replace(range.object) != Some(range.object) {
            bytes += range.bytes;
        }
        if bytes > bytes_max {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many of the oldest deltas stay when another is written, and the level of that.
///
/// While there is room it is one more, of level 1: written once. Else it takes with it the newest one and all before that
/// of no higher level, and is a level higher. So `l` writes of each record make room for more than `deltas_max`ˡ ÷ l!
/// commits: this is Bentley and Saxe's binomial transform ("Decomposable searching problems", 1980).
fn stays(levels: &[u32], deltas_max: usize) -> (usize, u32) {
    match levels.last() {
        Some(newest) if levels.len() >= deltas_max.max(1) => {
            let stay = levels.iter().rposition(|level| level > newest).map_or(0, |last| last + 1);
            (stay, newest + 1)
        }
        _ => (levels.len(), 1),
    }
}

/// A delta to be written.
struct DeltaOver<'a> {
    files: &'a Files,
    options: &'a GravelerOptions,
    /// The tree that is changed.
    before: &'a Tree,
    /// Its base, or what it was folded to.
    base: MetaRangeId,
    /// How many of its deltas aren't in that.
    deltas: usize,
}

impl DeltaOver<'_> {
    async fn write(&self, changes: &mut Chunks<'_, impl Changes>) -> Result<Written, Error> {
        let deltas = &self.before.deltas[..self.deltas];
        let levels: Vec<u32> = deltas.iter().map(|delta| delta.info.level).collect();
        let (stay, level) = stays(&levels, self.options.deltas_max);
        let mut older = MergedDeltas::over(self.files, &deltas[stay..]).reading_all();
        let mut builder = TreeBuilder::delta(self.files, self.options);
        let mut digest = self.before.digest().unwrap_or_else(|| Digest::anchored(self.base));
        let mut changed = 0;
        while !changes.next.is_empty() {
            let mut chunk = std::mem::take(&mut changes.next);
            chunk.reverse();
            for (change, before) in self.look_up(chunk).await? {
                if before.as_deref().map(identity_in) == change.value.as_deref().map(identity_in) {
                    continue;
                }
                changed += 1;
                digest.follow(&change.key, before.as_deref(), change.value.as_deref());
                push_before(&mut older, Some(&change.key), &mut builder).await?;
                builder.push(&change.key, change.value.as_deref().unwrap_or(TOMBSTONE)).await?;
            }
            changes.fill().await?;
        }
        if changed == 0 {
            return Ok(Written { root: None, changed });
        }
        push_before(&mut older, None, &mut builder).await?;
        let delta = builder.finish_delta().await?;
        let delta =
            delta.ok_or_else(|| Error::Internal("a delta without the changes that it was written for".into()))?;
        let kept = deltas[..stay].iter().map(|delta| RangeInfo::clone(&delta.info));
        let layers = Layers {
            base: self.base_info().await?,
            deltas: kept.chain([RangeInfo { level, ..RangeInfo::clone(&delta) }]).collect(),
            digest,
        };
        Ok(Written { root: Some(layers.store(self.files, self.options).await?), changed })
    }

    /// Finds what the tree had at the keys of some changes.
    async fn look_up(&self, changes: Vec<TreeChange>) -> Result<Vec<(TreeChange, Option<Bytes>)>, Error> {
        let lookups = stream::iter(changes).map(async |change| {
            let found = self.before.find(self.files, &change.key).await?;
            Ok((change, found.map(|found| Bytes::copy_from_slice(found.value()))))
        });
        lookups.buffered(self.options.delta_lookups_max.max(1)).try_collect().await
    }

    async fn base_info(&self) -> Result<RangeInfo, Error> {
        match &self.before.base_info {
            Some(info) if self.before.base == Some(self.base) => Ok(RangeInfo::clone(info)),
            _ => self.files.describe_root(self.base).await,
        }
    }
}

/// Adds the records of older deltas before a key, and goes past one at it.
async fn push_before(older: &mut MergedDeltas, end: Option<&[u8]>, builder: &mut TreeBuilder) -> Result<(), Error> {
    loop {
        older.load().await?;
        match older.record() {
            Some((key, value)) if end.is_none_or(|end| key < end) => {
                builder.push(key, value).await?;
                older.advance().await?;
            }
            Some((key, _)) if end == Some(key) => return older.advance().await,
            _ => return Ok(()),
        }
    }
}
