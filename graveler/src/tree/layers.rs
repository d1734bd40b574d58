//! A tree as its root describes it: a base, and deltas that lie over it. Owns the root's encoding, and lookups through
//! the layers; `write` decides when deltas are written, merged and folded into the base.
//! Invariant: of what the layers have at a key, the newest alone counts; a tombstone there is as nothing.

use std::sync::Arc;

use model::MetaRangeId;
use storage::Immutable;
use tokio::sync::OnceCell;

use super::Files;
use super::cache::Counted;
use super::digest::Digest;
use super::files::{Found, Table};
use super::range_info::{BadRange, RangeInfo};
use super::record::{TOMBSTONE, Value};
use crate::sstable::{KeyHash, Tail, Writer, WriterOptions};
use crate::{Error, GravelerOptions};

/// A root over deltas has this property, whose value is [`VERSION`]; one without is the base's own root.
const PROPERTY: &str = "lakebed.layers";
const VERSION: &[u8] = b"1";
/// The key of the base's record; those of the deltas follow, oldest first.
const BASE_KEY: u8 = 0;
/// The key of the digest's record.
const DIGEST_KEY: u8 = 0xff;
/// More deltas than any writer leaves aren't read.
const DELTAS_READ_MAX: usize = 64;
/// About what of a delta's files is kept in memory, for each of its entries.
const DELTA_ENTRY_BYTES: u64 = 3;

/// A tree.
#[derive(Default)]
pub(crate) struct Tree {
    /// The root of the base, which is a tree without deltas.
    pub(crate) base: Option<MetaRangeId>,
    /// What the root says of the base; of a tree without deltas, nothing.
    pub(crate) base_info: Option<Arc<RangeInfo>>,
    /// Oldest first.
    pub(crate) deltas: Vec<Arc<Delta>>,
    /// Of a tree without deltas, its own id says it.
    pub(crate) digest: Option<Digest>,
    base_table: OnceCell<Arc<Table>>,
}

/// What a root over deltas says.
pub(crate) struct Layers {
    pub(crate) base: RangeInfo,
    pub(crate) deltas: Vec<RangeInfo>,
    pub(crate) digest: Digest,
}

impl Tree {
    /// Reads a root.
    pub(super) async fn open(files: &Files, root: MetaRangeId) -> Result<Self, Error> {
        let table = files.metarange(root).await?;
        if !has_layers(&table.tail) {
            let base_table = OnceCell::new_with(Some(table));
            return Ok(Self { base: Some(root), base_table, ..Self::default() });
        }
        let mut layers = LayersDecoder::default();
        for block in files.blocks(&table, 0, table.tail.blocks()).await? {
            for (key, value) in (0..block.entries()).map(|slot| block.entry(slot)) {
                layers.add(key, value).map_err(|bad| files.bad_range(table.object, bad))?;
            }
        }
        let layers = layers.finish().map_err(|bad| files.bad_range(table.object, bad))?;
        Ok(Self::of(files, layers))
    }

    fn of(files: &Files, layers: Layers) -> Self {
        let base = match layers.base.object {
            Immutable::MetaRange(id) => Some(id),
            _ => None,
        };
        let kept_max = files.caches.delta_bytes_max;
        let deltas = layers.deltas.into_iter().map(|info| Arc::new(Delta::new(info, kept_max)));
        Self {
            base,
            base_info: Some(Arc::new(layers.base)),
            deltas: deltas.collect(),
            digest: Some(layers.digest),
            base_table: OnceCell::new(),
        }
    }

    /// The digest; `None` of the empty tree.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digest.clone().or_else(|| self.base.map(Digest::anchored))
    }

    /// How many records lie in the deltas, tombstones included.
    pub(crate) fn delta_entries(&self) -> u64 {
        self.deltas.iter().map(|delta| delta.info.entries).sum()
    }

    /// Finds the record at a key.
    pub(crate) async fn find(&self, files: &Files, key: &[u8]) -> Result<Option<Found>, Error> {
        let found = match self.find_in_deltas(files, key, self.deltas.len()).await? {
            Some(found) => Some(found),
            None => self.find_in_base(files, key).await?,
        };
        Ok(found.filter(|found| found.value() != TOMBSTONE))
    }

    /// Finds what the newest of the `oldest` deltas that has a key has there: a record or a tombstone.
    pub(crate) async fn find_in_deltas(
        &self,
        files: &Files,
        key: &[u8],
        oldest: usize,
    ) -> Result<Option<Found>, Error> {
        if oldest == 0 {
            return Ok(None);
        }
        let hash = KeyHash::of(key);
        for delta in self.deltas[..oldest].iter().rev().filter(|delta| !delta.rules_out(key, hash)) {
            if let Some(found) = delta.find(files, key, hash).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Finds what the base has at a key.
    pub(crate) async fn find_in_base(&self, files: &Files, key: &[u8]) -> Result<Option<Found>, Error> {
        let Some(base) = self.base else { return Ok(None) };
        let table = self.base_table.get_or_try_init(async || match &self.base_info {
            Some(info) => files.node(info).await,
            None => files.metarange(base).await,
        });
        files.find_under(Arc::clone(table.await?), key).await
    }

    /// About how much memory it takes, with all that it may come to keep open.
    pub(crate) fn memory_bytes(&self) -> usize {
        let base = self.base_table.get().map_or(4096, |table| table.memory_bytes());
        base + self.deltas.iter().map(|delta| delta.memory_bytes()).sum::<usize>()
    }
}

/// Whether a metarange's file is a root over deltas.
pub(crate) fn has_layers(tail: &Tail) -> bool {
    tail.properties().contains_key(PROPERTY)
}

impl Layers {
    /// Stores the root.
    pub(crate) async fn store(&self, files: &Files, options: &GravelerOptions) -> Result<MetaRangeId, Error> {
        let properties = [(PROPERTY.to_owned(), VERSION.to_vec())].into();
        let mut root =
            Writer::new(WriterOptions { block_bytes: options.block_bytes, properties, ..WriterOptions::default() });
        let internal = |error| Error::Internal(format!("a root over deltas: {error}"));
        for (key, layer) in (BASE_KEY..DIGEST_KEY).zip(std::iter::once(&self.base).chain(&self.deltas)) {
            root.add(&[key], &layer.encode()).map_err(internal)?;
        }
        let digest = Value { identity: self.digest.anchor.as_bytes(), data: &self.digest.sum_bytes() };
        root.add(&[DIGEST_KEY], &digest.encode()).map_err(internal)?;
        let root = root.finish().map_err(internal)?;
        Counted::add(&files.caches.counted.metaranges_written, 1);
        Counted::add(&files.caches.counted.bytes_written, root.bytes.len() as u64);
        let id = MetaRangeId::from_bytes(root.id);
        files.put(Immutable::MetaRange(id), root.bytes).await?;
        Ok(id)
    }
}

/// Reads a root over deltas, record by record.
#[derive(Default)]
pub(crate) struct LayersDecoder {
    base: Option<RangeInfo>,
    deltas: Vec<RangeInfo>,
    digest: Option<Digest>,
}

impl LayersDecoder {
    /// Takes the next record.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), BadRange> {
        let due = if self.base.is_none() { BASE_KEY } else { self.deltas.len() as u8 + 1 };
        match key {
            [DIGEST_KEY] if self.digest.is_none() => self.digest = Some(decode_digest(value)?),
            [BASE_KEY] if due == BASE_KEY => {
                let base = RangeInfo::decode_value(value)?;
                if base.height == 0 || base.level != 0 {
                    return Err(BadRange::Corrupt("its base is no tree".into()));
                }
                self.base = Some(base);
            }
            [at] if *at == due && self.deltas.len() < DELTAS_READ_MAX => {
                let delta = RangeInfo::decode_value(value)?;
                if delta.level == 0 {
                    return Err(BadRange::Corrupt("one of its deltas is none".into()));
                }
                self.deltas.push(delta);
            }
            other => return Err(BadRange::Unsupported(format!("a layer {other:?}"))),
        }
        Ok(())
    }

    /// Puts the layers together.
    pub(crate) fn finish(self) -> Result<Layers, BadRange> {
        match (self.base, self.digest) {
            (Some(base), Some(digest)) if !self.deltas.is_empty() => Ok(Layers { base, deltas: self.deltas, digest }),
            _ => Err(BadRange::Corrupt("it has no base, no delta or no digest".into())),
        }
    }
}

fn decode_digest(value: &[u8]) -> Result<Digest, BadRange> {
    let corrupt = || BadRange::Corrupt("its digest has another length".into());
    let value = Value::parse(value).ok_or_else(corrupt)?;
    let anchor = MetaRangeId::from_slice(value.identity).map_err(|_| corrupt())?;
    Digest::parse(anchor, value.data).ok_or_else(corrupt)
}

/// A delta: sorted ranges of records and tombstones, each with a filter.
pub(crate) struct Delta {
    /// What the root says of it: a range, or the metarange over its ranges.
    pub(crate) info: Arc<RangeInfo>,
    /// Whether its ranges' tails are kept, once they are opened.
    is_kept: bool,
    ranges: OnceCell<Vec<DeltaRange>>,
}

struct DeltaRange {
    info: Arc<RangeInfo>,
    table: OnceCell<Arc<Table>>,
}

impl Delta {
    fn new(info: RangeInfo, kept_max: usize) -> Self {
        let mut delta = Self { info: Arc::new(info), is_kept: true, ranges: OnceCell::new() };
        delta.is_kept = delta.memory_bytes() <= kept_max;
        delta
    }

    fn memory_bytes(&self) -> usize {
        let entries = if self.is_kept { self.info.entries * DELTA_ENTRY_BYTES } else { self.info.entries / 64 };
        usize::try_from(entries).unwrap_or(usize::MAX / 64) + 1024
    }

    /// Whether what is in memory tells that it has nothing at a key, which it does of nearly all keys of a warm tree. Of
    /// a delta of one range the filter tells it at once, of keys outside of the range too.
    fn rules_out(&self, key: &[u8], hash: KeyHash) -> bool {
        let Some(ranges) = self.ranges.get() else { return false };
        let range = if let [only] = ranges.as_slice() { Some(only) } else { range_of(ranges, key) };
        range.is_none_or(|range| range.table.get().is_some_and(|table| !may_have(table, hash)))
    }

    async fn find(&self, files: &Files, key: &[u8], hash: KeyHash) -> Result<Option<Found>, Error> {
        let Some(range) = range_of(self.ranges(files).await?, key) else { return Ok(None) };
        let table = if self.is_kept {
            Arc::clone(range.table.get_or_try_init(|| files.node(&range.info)).await?)
        } else {
            files.node(&range.info).await?
        };
        if may_have(&table, hash) { files.find_in(&table, key).await } else { Ok(None) }
    }

    async fn ranges(&self, files: &Files) -> Result<&[DeltaRange], Error> {
        let ranges = self.ranges.get_or_try_init(|| self.list_ranges(files));
        Ok(ranges.await?)
    }

    async fn list_ranges(&self, files: &Files) -> Result<Vec<DeltaRange>, Error> {
        let (mut todo, mut ranges) = (vec![Arc::clone(&self.info)], Vec::new());
        while let Some(node) = todo.pop() {
            if node.height == 0 {
                ranges.push(DeltaRange { info: node, table: OnceCell::new() });
            } else {
                todo.extend(files.children(&node).await?.into_iter().rev());
            }
        }
        Ok(ranges)
    }
}

/// The range that a key would lie in.
fn range_of<'a>(ranges: &'a [DeltaRange], key: &[u8]) -> Option<&'a DeltaRange> {
    let at = ranges.partition_point(|range| range.info.last_key.as_slice() < key);
    ranges.get(at).filter(|range| range.info.first_key.as_slice() <= key)
}

fn may_have(table: &Table, hash: KeyHash) -> bool {
    table.tail.filter().is_none_or(|filter| filter.may_have(hash))
}
