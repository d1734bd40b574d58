//! Reads a repository's immutable files in parts: one request for a file's tail, then one for each block, neighbours
//! together when they are scanned. Owns requests, singleflight and what becomes an error; `cache` owns the bounds.
//! Invariant: a point lookup never fetches a whole range, and bytes are checked before they are used or kept.

use std::sync::Arc;

use bytes::Bytes;
use model::{CommitId, MetaRangeId, StorageNamespace};
use storage::{Immutable, RepositoryStorage, StorageError, Stores, Suffix};

use super::cache::{Caches, Counted, Space};
use super::layers::Tree;
use super::range_info::{BadRange, RangeInfo};
use super::record;
use super::scratch::Scratch;
use super::write_behind::WriteBehind;
use crate::sstable::{Block, SstError, Tail, TailParse};
use crate::{Error, Progress};

/// What is fetched of a metarange at first: all of it in most repositories, its tail in those of 10⁸ objects.
const METARANGE_FETCH_BYTES: u64 = 112 << 10;
/// A range of at most so many bytes is fetched whole at first: cheaper than a second request.
const WHOLE_FETCH_BYTES: u64 = 32 << 10;
/// A range that is copied is fetched whole at first, if it has at most so many bytes.
pub(super) const COPY_FETCH_BYTES: u64 = 4 << 20;
/// A file whose tail keeps growing as it is parsed is given up after so many requests.
const TAIL_REQUESTS_MAX: usize = 4;

/// A repository's files, and the caches before them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Files {
    storage: RepositoryStorage,
    space: Space,
    pub(crate) caches: Arc<Caches>,
    /// Through which files are written and read that aren't stored yet.
    behind: Option<Arc<WriteBehind>>,
    aside: Aside,
    /// Of whose work this is.
    pub(crate) progress: Progress,
}

/// How files in memory alone are used.
#[derive(Clone)]
enum Aside {
    No,
    Reads(Arc<Scratch>),
    /// What is written goes there, too.
    Writes(Arc<Scratch>),
}

/// An opened file: its parsed tail, and such data blocks as came with it.
pub(crate) struct Table {
    pub(crate) object: Immutable,
    /// Where it was read: in the store or in memory.
    space: Space,
    pub(crate) tail: Tail,
    size: u64,
    suffix: Bytes,
    /// How many of the last bytes were asked for.
    asked: u64,
}

impl Table {
    pub(crate) fn memory_bytes(&self) -> usize {
        self.tail.memory_bytes() + self.suffix.len() + 128
    }

    /// How much of the file's end holds all but data blocks.
    fn tail_length(&self) -> u32 {
        let data_end = self.tail.blocks().checked_sub(1).map_or(0, |last| self.tail.handle(last).range().end);
        u32::try_from(self.size - data_end).unwrap_or(u32::MAX)
    }

    fn suffix_start(&self) -> u64 {
        self.size - self.suffix.len() as u64
    }

    /// A block's stored bytes, if they came with the tail.
    fn at_hand(&self, block: usize) -> Option<Bytes> {
        let range = self.tail.handle(block).range();
        let start = range.start.checked_sub(self.suffix_start())?;
        Some(self.suffix.slice(start as usize..(start + range.end - range.start) as usize))
    }
}

/// Stored bytes of a table's neighbouring blocks.
#[derive(Clone)]
pub(crate) struct Stored {
    table: Arc<Table>,
    first: usize,
    end: usize,
    bytes: Bytes,
}

impl Stored {
    pub(crate) fn has(&self, block: usize) -> bool {
        (self.first..self.end).contains(&block)
    }

    /// The stored bytes of one of the blocks.
    pub(crate) fn block(&self, block: usize) -> Option<Bytes> {
        let start = self.table.tail.handle(self.first).offset;
        let range = self.table.tail.handle(block).range();
        let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(start)?).ok()?;
        (from <= to && to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}

impl Files {
    /// Opens the files of a repository's namespace.
    pub(crate) fn open(
        stores: &Arc<Stores>,
        caches: &Arc<Caches>,
        namespace: &StorageNamespace,
    ) -> Result<Self, Error> {
        let (storage, space) = match caches.storage(namespace) {
            Some(open) => open,
            None => caches.keep_storage(namespace.clone(), stores.repository(namespace)?),
        };
        Ok(Self {
            storage,
            space,
            caches: Arc::clone(caches),
            behind: None,
            aside: Aside::No,
            progress: Progress::default(),
        })
    }

    /// The same files, written behind the work.
    pub(crate) fn behind(self, behind: Arc<WriteBehind>) -> Self {
        Self { behind: Some(behind), ..self }
    }

    /// The same files; what is written counts as progress.
    pub(crate) fn counting(&self, progress: &Progress) -> Self {
        Self { progress: progress.clone(), ..self.clone() }
    }

    /// The same files and those of `scratch`, where what is written goes and is no progress.
    pub(crate) fn writing_aside(&self, scratch: &Arc<Scratch>) -> Self {
        Self { aside: Aside::Writes(Arc::clone(scratch)), progress: Progress::default(), ..self.clone() }
    }

    /// The same files and those of `scratch`; what is written is stored.
    pub(crate) fn reading_aside(&self, scratch: &Arc<Scratch>) -> Self {
        Self { aside: Aside::Reads(Arc::clone(scratch)), ..self.clone() }
    }

    fn scratch(&self) -> Option<&Arc<Scratch>> {
        match &self.aside {
            Aside::No => None,
            Aside::Reads(scratch) | Aside::Writes(scratch) => Some(scratch),
        }
    }

    /// Whether a file is in memory alone, so that no tree that is stored may refer to it.
    pub(crate) fn is_aside(&self, object: &Immutable) -> bool {
        self.scratch().is_some_and(|scratch| scratch.has(object))
    }

    fn space_of(&self, object: &Immutable) -> Space {
        self.scratch().filter(|scratch| scratch.has(object)).map_or(self.space, |scratch| scratch.space)
    }

    pub(crate) fn storage(&self) -> &RepositoryStorage {
        &self.storage
    }

    /// Opens the file of a range, or of a metarange that another lists.
    pub(crate) async fn node(&self, info: &RangeInfo) -> Result<Arc<Table>, Error> {
        let counted = &self.caches.counted;
        Counted::add(if info.height == 0 { &counted.ranges_opened } else { &counted.metaranges_opened }, 1);
        let suffix = if info.bytes <= WHOLE_FETCH_BYTES { info.bytes } else { u64::from(info.tail_length) };
        self.table(info.object, suffix).await
    }

    /// Opens the file of a range that will be copied: with its blocks in one request, and not to be kept.
    pub(crate) async fn range_to_copy(&self, info: &RangeInfo) -> Result<Arc<Table>, Error> {
        let space = self.space_of(&info.object);
        match self.caches.tables.get(&(space, info.object)) {
            Some(table) => Ok(table),
            None => {
                let tail = u64::from(info.tail_length);
                let suffix = if info.bytes <= COPY_FETCH_BYTES { info.bytes } else { tail };
                self.fetch_table(space, info.object, suffix).await
            }
        }
    }

    /// Opens a metarange's file.
    pub(crate) async fn metarange(&self, id: MetaRangeId) -> Result<Arc<Table>, Error> {
        self.table(Immutable::MetaRange(id), METARANGE_FETCH_BYTES).await
    }

    async fn table(&self, object: Immutable, suffix: u64) -> Result<Arc<Table>, Error> {
        let space = self.space_of(&object);
        let key = (space, object);
        if let Some(table) = self.caches.tables.get(&key) {
            return Ok(table);
        }
        let files = self.clone();
        let fetch = || async move { files.fetch_table(space, object, suffix).await };
        self.caches.tables.get_or_load(key, fetch).await
    }

    async fn fetch_table(&self, space: Space, object: Immutable, mut wanted: u64) -> Result<Arc<Table>, Error> {
        for _ in 0..TAIL_REQUESTS_MAX {
            let suffix = match self.held(space, &object) {
                Some(bytes) => Suffix { size: bytes.len() as u64, bytes },
                None => self.storage.get_end(&object, wanted).await.map_err(|e| self.read_error(object, e))?,
            };
            let parsed = Tail::parse(&suffix.bytes, suffix.size).map_err(|e| self.table_error(object, e));
            match parsed.inspect_err(|_| self.storage.forget_cached(&object, &(0..0), wanted))? {
                TailParse::NeedMore(bytes) if bytes > wanted => wanted = bytes,
                TailParse::NeedMore(_) => break,
                TailParse::Parsed(tail) => {
                    self.check_id(object, &tail)?;
                    return Ok(Arc::new(keep((space, object), *tail, suffix, wanted)));
                }
            }
        }
        Err(self.corrupt(object, "its tail can't be found"))
    }

    /// Checks that a file of ours is the one that its name says.
    fn check_id(&self, object: Immutable, tail: &Tail) -> Result<(), Error> {
        let named = match &object {
            Immutable::Range(id) => id.as_bytes(),
            Immutable::MetaRange(id) => id.as_bytes(),
            Immutable::Commit(id) => id.as_bytes(),
        };
        match tail.content_id() {
            Some(id) if id != *named => Err(self.corrupt(object, "its content isn't what its name says")),
            _ => Ok(()),
        }
    }

    /// Reads one block; the same block isn't fetched twice at a time.
    pub(crate) async fn block(&self, table: &Arc<Table>, block: usize) -> Result<Arc<Block>, Error> {
        let key = self.block_key(table, block);
        if let Some(block) = self.caches.blocks.get(&key) {
            return Ok(block);
        }
        let (files, table) = (self.clone(), Arc::clone(table));
        let fetch = || async move {
            let stored = match table.at_hand(block) {
                Some(stored) => stored,
                None => files.fetch(&table, block, block + 1).await?,
            };
            files.decode(&table, block, &stored)
        };
        self.caches.blocks.get_or_load(key, fetch).await
    }

    /// Reads neighbouring blocks for a scan, those that aren't cached by one request for each gap.
    pub(crate) async fn blocks(&self, table: &Arc<Table>, first: usize, end: usize) -> Result<Vec<Arc<Block>>, Error> {
        let mut found = Vec::with_capacity(end - first);
        while first + found.len() < end {
            let at = first + found.len();
            if let Some(block) = self.caches.blocks.get(&self.block_key(table, at)) {
                found.push(block);
                continue;
            }
            let mut gap_end = at + 1;
            while gap_end < end && !self.caches.blocks.contains(&self.block_key(table, gap_end)) {
                gap_end += 1;
            }
            self.fetch_gap(table, at, gap_end, &mut found).await?;
        }
        Ok(found)
    }

    async fn fetch_gap(
        &self,
        table: &Arc<Table>,
        first: usize,
        end: usize,
        found: &mut Vec<Arc<Block>>,
    ) -> Result<(), Error> {
        let start = table.tail.handle(first).offset;
        let stored = match table.at_hand(first) {
            Some(_) => table.suffix.slice((start - table.suffix_start()) as usize..),
            None => self.fetch(table, first, end).await?,
        };
        for block in first..end {
            let range = table.tail.handle(block).range();
            let bytes = usize::try_from(range.start - start).ok().zip(usize::try_from(range.end - start).ok());
            let bytes = bytes.and_then(|(from, to)| stored.get(from..to));
            let bytes = bytes.ok_or_else(|| self.misplaced(table))?;
            let decoded = self.decode(table, block, bytes)?;
            self.caches.blocks.insert(self.block_key(table, block), Arc::clone(&decoded));
            found.push(decoded);
        }
        Ok(())
    }

    /// The stored bytes of neighbouring blocks, undecoded, for a copy.
    pub(crate) async fn stored(&self, table: &Arc<Table>, first: usize, end: usize) -> Result<Stored, Error> {
        let bytes = match table.at_hand(first) {
            Some(_) => table.suffix.slice((table.tail.handle(first).offset - table.suffix_start()) as usize..),
            None => self.fetch(table, first, end).await?,
        };
        Ok(Stored { table: Arc::clone(table), first, end, bytes })
    }

    /// Decodes a block for one who copies, out of the cache if it is there.
    pub(crate) fn decode_stored(&self, stored: &Stored, block: usize) -> Result<Arc<Block>, Error> {
        if let Some(block) = self.caches.blocks.get(&self.block_key(&stored.table, block)) {
            return Ok(block);
        }
        let bytes = stored.block(block).ok_or_else(|| self.misplaced(&stored.table))?;
        self.decode(&stored.table, block, &bytes)
    }

    /// Decodes and keeps blocks that were fetched for a scan.
    pub(crate) fn decode_window(&self, stored: &Stored) -> Result<Vec<Arc<Block>>, Error> {
        let mut found = Vec::with_capacity(stored.end - stored.first);
        for at in stored.first..stored.end {
            let block = self.decode_stored(stored, at)?;
            self.caches.blocks.insert(self.block_key(&stored.table, at), Arc::clone(&block));
            found.push(block);
        }
        Ok(found)
    }

    /// Whether reading a block takes no request.
    pub(crate) fn has_block(&self, table: &Table, block: usize) -> bool {
        table.at_hand(block).is_some() || self.caches.blocks.contains(&self.block_key(table, block))
    }

    fn block_key(&self, table: &Table, block: usize) -> (Space, Immutable, u32) {
        (table.space, table.object, block as u32)
    }

    pub(crate) fn misplaced(&self, table: &Table) -> Error {
        self.corrupt(table.object, "its blocks aren't where its index says")
    }

    /// Fetches the stored bytes of neighbouring blocks.
    async fn fetch(&self, table: &Table, first: usize, end: usize) -> Result<Bytes, Error> {
        if let Some(bytes) = self.held(table.space, &table.object) {
            let range = table.tail.handle(first).range().start..table.tail.handle(end - 1).range().end;
            let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let part =
                range.filter(|(from, to)| from <= to && *to <= bytes.len()).map(|(from, to)| bytes.slice(from..to));
            return part.ok_or_else(|| self.misplaced(table));
        }
        let parts: Vec<_> = (first..end).map(|block| table.tail.handle(block).range()).collect();
        let stored = self.storage.get_parts(&table.object, &parts).await;
        stored.map_err(|e| self.read_error(table.object, e))
    }

    fn decode(&self, table: &Table, block: usize, stored: &[u8]) -> Result<Arc<Block>, Error> {
        Counted::add(&self.caches.counted.blocks_read, 1);
        match Block::decode(stored, table.tail.handle(block), table.tail.format()) {
            Ok(decoded) => Ok(Arc::new(decoded)),
            Err(error) => {
                // The file may have been written again since its tail was read, with the same content compressed
                // otherwise: then the next attempt finds it as it is now.
                self.caches.tables.remove(&(table.space, table.object));
                self.caches.trees.clear();
                self.storage.forget_cached(&table.object, &table.tail.handle(block).range(), table.asked);
                Err(self.table_error(table.object, error))
            }
        }
    }

    /// Finds the value at a key of a tree.
    pub(crate) async fn lookup(&self, tree: Option<MetaRangeId>, key: &[u8]) -> Result<Option<Found>, Error> {
        match tree {
            Some(_) => self.tree(tree).await?.find(self, key).await,
            None => Ok(None),
        }
    }

    /// Opens a tree, as its root describes it.
    pub(crate) async fn tree(&self, root: Option<MetaRangeId>) -> Result<Arc<Tree>, Error> {
        let Some(root) = root else { return Ok(Arc::new(Tree::default())) };
        let key = (self.space_of(&Immutable::MetaRange(root)), root);
        if let Some(tree) = self.caches.trees.get(&key) {
            return Ok(tree);
        }
        let files = self.clone();
        let open = || async move { Tree::open(&files, root).await.map(Arc::new) };
        self.caches.trees.get_or_load(key, open).await
    }

    /// Finds the value at a key under a metarange.
    pub(super) async fn find_under(&self, mut metarange: Arc<Table>, key: &[u8]) -> Result<Option<Found>, Error> {
        let mut above = None;
        let range = loop {
            let Some(at) = metarange.tail.find(key) else { return Ok(None) };
            let block = self.block(&metarange, at).await?;
            let slot = block.lower_bound(key);
            if slot == block.entries() {
                return Ok(None);
            }
            let (last_key, value) = block.entry(slot);
            let info = self.range_info(metarange.object, above, last_key, value)?;
            if info.first_key.as_slice() > key {
                return Ok(None);
            }
            let node = self.node(&info).await?;
            if info.height == 0 {
                break node;
            }
            (metarange, above) = (node, Some(info.height));
        };
        self.find_in(&range, key).await
    }

    /// Finds the value at a key of a range.
    pub(super) async fn find_in(&self, range: &Arc<Table>, key: &[u8]) -> Result<Option<Found>, Error> {
        let Some(at) = range.tail.find(key) else { return Ok(None) };
        let block = self.block(range, at).await?;
        let slot = block.lower_bound(key);
        let there = slot < block.entries() && block.entry(slot).0 == key;
        Ok(there.then_some(Found { object: range.object, block, slot }))
    }

    /// What a metarange lists, all of it.
    pub(crate) async fn children(&self, metarange: &RangeInfo) -> Result<Vec<Arc<RangeInfo>>, Error> {
        let table = self.node(metarange).await?;
        self.listed(&table, Some(metarange.height)).await
    }

    async fn listed(&self, metarange: &Arc<Table>, height: Option<u32>) -> Result<Vec<Arc<RangeInfo>>, Error> {
        let mut listed = Vec::new();
        for block in self.blocks(metarange, 0, metarange.tail.blocks()).await? {
            for slot in 0..block.entries() {
                let (key, value) = block.entry(slot);
                listed.push(Arc::new(self.range_info(metarange.object, height, key, value)?));
            }
        }
        Ok(listed)
    }

    /// Describes the root of a tree without deltas, as a metarange above it would.
    pub(super) async fn describe_root(&self, root: MetaRangeId) -> Result<RangeInfo, Error> {
        let table = self.metarange(root).await?;
        let listed = self.listed(&table, None).await?;
        let ends = listed.first().zip(listed.last());
        let (first, last) = ends.ok_or_else(|| self.corrupt(table.object, "it lists nothing"))?;
        Ok(RangeInfo {
            object: table.object,
            height: first.height + 1,
            level: 0,
            first_key: first.first_key.clone(),
            last_key: last.last_key.clone(),
            entries: listed.iter().map(|node| node.entries).sum(),
            bytes: table.size,
            tail_length: table.tail_length(),
        })
    }

    /// Decodes the record of a metarange, whose own height is known but for a root.
    pub(crate) fn range_info(
        &self,
        metarange: Immutable,
        height: Option<u32>,
        key: &[u8],
        value: &[u8],
    ) -> Result<RangeInfo, Error> {
        let info = RangeInfo::decode(key, value).map_err(|bad| self.bad_range(metarange, bad))?;
        if height.is_some_and(|height| height != info.height + 1) {
            return Err(self.corrupt(metarange, "what it lists isn't of the height that is due"));
        }
        Ok(info)
    }

    /// Decodes a record's entry.
    pub(crate) fn entry(&self, object: Immutable, value: &[u8]) -> Result<model::Entry, Error> {
        record::decode_entry(value).map_err(|why| self.corrupt(object, &why))
    }

    /// Decodes an entry of some range of this repository.
    pub(crate) fn decode_value(&self, value: &[u8]) -> Result<model::Entry, Error> {
        record::decode_entry(value).map_err(|why| self.corrupt_somewhere(&why))
    }

    /// Decodes a path of some range of this repository.
    pub(crate) fn decode_path(&self, key: &[u8]) -> Result<model::ObjectPath, Error> {
        let path = std::str::from_utf8(key).map_err(|e| e.to_string());
        let path = path.and_then(|path| path.parse().map_err(|e: model::InvalidPath| e.to_string()));
        path.map_err(|why| self.corrupt_somewhere(&format!("the path {:?}: {why}", String::from_utf8_lossy(key))))
    }

    fn corrupt_somewhere(&self, why: &str) -> Error {
        Error::Corrupt { file: format!("a range of {}", self.storage.namespace()), why: why.into() }
    }

    /// Splits off a record's identity.
    pub(crate) fn identity<'a>(&self, object: Immutable, value: &'a [u8]) -> Result<&'a [u8], Error> {
        let value = record::Value::parse(value).ok_or_else(|| self.corrupt(object, "a record's value is cut short"))?;
        Ok(value.identity)
    }

    /// Writes a file under its content id.
    pub(crate) async fn put(&self, object: Immutable, bytes: Bytes) -> Result<(), Error> {
        if let Aside::Writes(scratch) = &self.aside
            && scratch.hold(&self.caches.builds, object, &bytes)
        {
            return Ok(());
        }
        self.progress.add_bytes(bytes.len() as u64);
        match &self.behind {
            Some(behind) => behind.put(&self.storage, object, bytes).await,
            None => Ok(self.storage.put(&object, bytes).await?),
        }
    }

    /// Reads a whole file.
    pub(crate) async fn get(&self, object: Immutable) -> Result<Bytes, Error> {
        match self.held(self.space, &object) {
            Some(bytes) => Ok(bytes),
            None => self.storage.get(&object).await.map_err(|e| self.read_error(object, e)),
        }
    }

    /// A file's bytes, if they are in memory.
    fn held(&self, space: Space, object: &Immutable) -> Option<Bytes> {
        match self.scratch().filter(|scratch| scratch.space == space) {
            Some(scratch) => scratch.get(object),
            None => self.behind.as_ref().and_then(|behind| behind.held(object)),
        }
    }

    pub(super) fn bad_range(&self, metarange: Immutable, bad: BadRange) -> Error {
        match bad {
            BadRange::Corrupt(why) => self.corrupt(metarange, &why),
            BadRange::Unsupported(what) => self.unsupported(metarange, what),
        }
    }

    pub(crate) fn overlap(&self, metarange: Immutable) -> Error {
        self.unsupported(metarange, "ranges that overlap".into())
    }

    pub(crate) fn corrupt(&self, object: Immutable, why: &str) -> Error {
        Error::Corrupt { file: self.named(object), why: why.into() }
    }

    pub(crate) fn unsupported(&self, object: Immutable, what: String) -> Error {
        Error::Unsupported { file: self.named(object), what }
    }

    fn named(&self, object: Immutable) -> String {
        format!("{}/{object}", self.storage.namespace())
    }

    pub(crate) fn table_error(&self, object: Immutable, error: SstError) -> Error {
        match error {
            SstError::Unsupported(what) => self.unsupported(object, what),
            SstError::Corrupt(why) => self.corrupt(object, &why),
            other => self.corrupt(object, &other.to_string()),
        }
    }

    /// A file that something refers to must be there.
    pub(crate) fn read_error(&self, object: Immutable, error: StorageError) -> Error {
        match error {
            StorageError::NotFound { .. } => self.corrupt(object, "it is missing, and a ref's history needs it"),
            StorageError::Corrupt { why, .. } => self.corrupt(object, &why),
            other => Error::Storage(other),
        }
    }

    pub(crate) fn commit_key(&self, id: CommitId) -> (Space, CommitId) {
        (self.space, id)
    }
}

/// Where a lookup found a record.
pub(crate) struct Found {
    object: Immutable,
    block: Arc<Block>,
    slot: usize,
}

impl Found {
    /// Decodes the record's entry.
    pub(crate) fn entry(&self, files: &Files) -> Result<model::Entry, Error> {
        files.entry(self.object, self.value())
    }

    /// The record's value.
    pub(crate) fn value(&self) -> &[u8] {
        self.block.entry(self.slot).1
    }
}

/// Keeps of a suffix what holds whole data blocks; the parsed tail itself is needed no more.
fn keep((space, object): (Space, Immutable), tail: Tail, suffix: Suffix, asked: u64) -> Table {
    let Suffix { bytes: suffix, size } = suffix;
    let start = size - suffix.len() as u64;
    let has_blocks = tail.blocks() > 0 && tail.handle(tail.blocks() - 1).offset >= start;
    let suffix = if has_blocks { suffix } else { Bytes::new() };
    Table { object, space, tail, size, suffix, asked }
}
