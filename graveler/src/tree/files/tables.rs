//! Opens files: one request for a file's tail, with such blocks as come with it. Owns how much is asked for at first.
//! Invariant: a file that is opened is the one that its name says.

use std::sync::Arc;

use bytes::Bytes;
use model::MetaRangeId;
use storage::{Immutable, Suffix};

use super::Files;
use crate::Error;
use crate::sstable::{Tail, TailParse};
use crate::tree::cache::{Counted, Space};
use crate::tree::range_info::RangeInfo;

/// What is fetched of a metarange at first: all of it in most repositories, its tail in those of 10⁸ objects.
const METARANGE_FETCH_BYTES: u64 = 112 << 10;
/// A range of at most so many bytes is fetched whole at first: cheaper than a second request.
const WHOLE_FETCH_BYTES: u64 = 32 << 10;
/// A range that is copied is fetched whole at first, if it has at most so many bytes.
pub(in crate::tree) const COPY_FETCH_BYTES: u64 = 4 << 20;
/// A file whose tail keeps growing as it is parsed is given up after so many requests.
const TAIL_REQUESTS_MAX: usize = 4;

/// An opened file: its parsed tail, and such data blocks as came with it.
pub(crate) struct Table {
    pub(crate) object: Immutable,
    /// Where it was read: in the store or in memory.
    pub(super) space: Space,
    pub(crate) tail: Tail,
    pub(super) size: u64,
    pub(super) suffix: Bytes,
    /// How many of the last bytes were asked for.
    pub(super) asked: u64,
}

impl Table {
    pub(crate) fn memory_bytes(&self) -> usize {
        self.tail.memory_bytes() + self.suffix.len() + 128
    }

    /// How much of the file's end holds all but data blocks.
    pub(super) fn tail_length(&self) -> u32 {
        let data_end = self.tail.blocks().checked_sub(1).map_or(0, |last| self.tail.handle(last).range().end);
        u32::try_from(self.size - data_end).unwrap_or(u32::MAX)
    }

    pub(super) fn suffix_start(&self) -> u64 {
        self.size - self.suffix.len() as u64
    }

    /// A block's stored bytes, if they came with the tail.
    pub(super) fn at_hand(&self, block: usize) -> Option<Bytes> {
        let range = self.tail.handle(block).range();
        let start = range.start.checked_sub(self.suffix_start())?;
        Some(self.suffix.slice(start as usize..(start + range.end - range.start) as usize))
    }
}

impl Files {
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
                    return Ok(Arc::new(keep(space, object, *tail, suffix, wanted)));
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
}

/// Keeps of a suffix what holds whole data blocks; the parsed tail itself is needed no more.
fn keep(space: Space, object: Immutable, tail: Tail, suffix: Suffix, asked: u64) -> Table {
    let Suffix { bytes: suffix, size } = suffix;
    let start = size - suffix.len() as u64;
    let has_blocks = tail.blocks() > 0 && tail.handle(tail.blocks() - 1).offset >= start;
    let suffix = if has_blocks { suffix } else { Bytes::new() };
    Table { object, space, tail, size, suffix, asked }
}
