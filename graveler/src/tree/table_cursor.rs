//! Walks one table's records in order. Owns read-ahead and seeking inside a file; `cursor` walks from file to file.
//! Invariant: a block is fetched only when a record in it is asked for, or when a scan has come near it.

use std::collections::VecDeque;
use std::sync::Arc;

use storage::Immutable;
use tokio::task::JoinSet;

use super::draft::UnchangedBlock;
use super::files::{COPY_FETCH_BYTES, Files, Stored, Table};
use crate::Error;
use crate::sstable::{Block, BlockInfo};

/// The most bytes that one request of a scan fetches.
const READ_AHEAD_BYTES: u64 = 512 << 10;
/// The most blocks that one request of a scan fetches.
const READ_AHEAD_BLOCKS: usize = 64;

/// A cursor over a table's records.
pub(crate) struct TableCursor {
    files: Files,
    table: Arc<Table>,
    /// The block that the cursor is in; after the last at the end.
    at: usize,
    /// That block, once it is loaded, and the record in it.
    here: Option<(Arc<Block>, usize)>,
    /// Where in the block to begin, when it isn't loaded yet.
    from: Option<Vec<u8>>,
    /// Blocks at or after it that are loaded already, with their places.
    ahead: VecDeque<(usize, Arc<Block>)>,
    /// How many blocks the next request fetches.
    window: usize,
    /// Whether most blocks will be copied as they are stored: then none is decoded ahead.
    copies: bool,
    /// Blocks that were fetched and not decoded.
    stored: Option<Stored>,
    /// The next window of a long scan, fetched while this one is read.
    coming: Option<Coming>,
}

/// Blocks that are being fetched. Dropping it ends the request.
struct Coming {
    first: usize,
    request: JoinSet<Result<Stored, Error>>,
}

impl Coming {
    async fn wait(mut self) -> Result<Stored, Error> {
        match self.request.join_next().await {
            Some(Ok(stored)) => stored,
            _ => Err(Error::Internal("a request for blocks ended early".into())),
        }
    }
}

impl TableCursor {
    /// A cursor before the first record.
    pub(crate) fn new(files: Files, table: Arc<Table>) -> Self {
        Self {
            files,
            table,
            at: 0,
            here: None,
            from: None,
            ahead: VecDeque::new(),
            window: 1,
            copies: false,
            stored: None,
            coming: None,
        }
    }

    /// The table's name.
    pub(crate) fn object(&self) -> Immutable {
        self.table.object
    }

    /// Goes to the first record at or after `key`, which may lie before the present one.
    pub(crate) fn seek(&mut self, key: &[u8]) {
        let at = self.table.tail.find(key).unwrap_or(self.table.tail.blocks());
        if let Some((block, slot)) = &mut self.here
            && at == self.at
        {
            *slot = block.lower_bound(key);
            return;
        }
        self.enter(at);
        self.from = Some(key.to_vec());
    }

    /// Expects to read on to the end and to copy most blocks, so that each request fetches many.
    pub(crate) fn copy(&mut self) {
        self.copies = true;
    }

    /// Goes to the start of a block.
    fn enter(&mut self, at: usize) {
        while self.ahead.front().is_some_and(|(place, _)| *place < at) {
            self.ahead.pop_front();
        }
        if at != self.at && at != self.at + 1 && self.ahead.front().is_none_or(|(place, _)| *place != at) {
            self.ahead.clear();
            self.window = 1;
        }
        self.at = at;
        self.from = None;
        self.here = None;
    }

    /// Loads what the cursor stands on. False at the end.
    pub(crate) async fn load(&mut self) -> Result<bool, Error> {
        loop {
            if self.is_loaded() {
                return Ok(true);
            }
            if self.here.is_some() {
                self.at += 1;
                self.here = None;
            }
            if self.at >= self.table.tail.blocks() {
                return Ok(false);
            }
            let block = self.fetch().await?;
            let slot = self.from.take().map_or(0, |key| block.lower_bound(&key));
            self.here = Some((block, slot));
        }
    }

    async fn fetch(&mut self) -> Result<Arc<Block>, Error> {
        while let Some((place, block)) = self.ahead.pop_front() {
            if place == self.at {
                return Ok(block);
            }
        }
        if self.copies {
            let stored = self.fetch_stored().await?;
            return self.files.decode_stored(&stored, self.at);
        }
        let coming = self.coming.take().filter(|coming| coming.first == self.at);
        let end = self.window_end(self.at);
        let is_long = self.window == READ_AHEAD_BLOCKS;
        self.window = (self.window * 2).min(READ_AHEAD_BLOCKS);
        if end == self.at + 1 {
            return self.files.block(&self.table, self.at).await;
        }
        let blocks = match coming {
            Some(coming) => self.files.decode_window(&coming.wait().await?)?,
            None => self.files.blocks(&self.table, self.at, end).await?,
        };
        let end = self.at + blocks.len();
        if is_long && end < self.table.tail.blocks() && !self.files.has_block(&self.table, end) {
            self.coming = Some(self.fetch_early(end));
        }
        self.ahead = (self.at..).zip(blocks).collect();
        let (_, first) = self.ahead.pop_front().expect("because a window holds at least one block");
        Ok(first)
    }

    /// Begins to fetch the window that begins with a block.
    fn fetch_early(&self, first: usize) -> Coming {
        let (files, table, end) = (self.files.clone(), Arc::clone(&self.table), self.window_end(first));
        let mut request = JoinSet::new();
        request.spawn(async move { files.stored(&table, first, end).await });
        Coming { first, request }
    }

    /// How many blocks the next request would fetch: what a scan that goes on in another table begins with there.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// Goes on with the window of the table before.
    pub(crate) fn read_ahead(&mut self, window: usize) {
        self.window = window.clamp(1, READ_AHEAD_BLOCKS);
    }

    /// Sees to it that the block here is fetched, with those after it.
    async fn fetch_stored(&mut self) -> Result<Stored, Error> {
        if let Some(stored) = self.stored.as_ref().filter(|stored| stored.has(self.at)) {
            return Ok(stored.clone());
        }
        let stored = self.files.stored(&self.table, self.at, self.window_end(self.at)).await?;
        self.stored = Some(stored.clone());
        Ok(stored)
    }

    /// Where the blocks end that one request fetches from a block on.
    fn window_end(&self, at: usize) -> usize {
        let tail = &self.table.tail;
        let start = tail.handle(at).offset;
        let (blocks, bytes) =
            if self.copies { (usize::MAX, COPY_FETCH_BYTES) } else { (self.window, READ_AHEAD_BYTES) };
        let mut end = at + 1;
        while end < tail.blocks() && end - at < blocks && tail.handle(end).range().end - start <= bytes {
            end += 1;
        }
        end
    }

    /// Whether [`Self::record`] has a record without loading anything.
    pub(crate) fn is_loaded(&self) -> bool {
        self.here.as_ref().is_some_and(|(block, slot)| *slot < block.entries())
    }

    /// The key and value here, if they are loaded.
    pub(crate) fn record(&self) -> Option<(&[u8], &[u8])> {
        let (block, slot) = self.here.as_ref()?;
        (*slot < block.entries()).then(|| block.entry(*slot))
    }

    /// Goes past the record here.
    pub(crate) fn step(&mut self) {
        if let Some((block, slot)) = &mut self.here {
            *slot += 1;
            if *slot == block.entries() {
                self.enter(self.at + 1);
            }
        }
    }

    /// What is listed of the block that the cursor stands before, if none of its records was passed, and its last key.
    pub(crate) fn whole_block(&self) -> Option<(&BlockInfo, &[u8])> {
        let untouched = match &self.here {
            None => self.from.is_none(),
            Some((_, slot)) => *slot == 0,
        };
        let tail = &self.table.tail;
        let info = (untouched && self.at < tail.blocks()).then(|| tail.info(self.at)).flatten()?;
        Some((info, tail.separator(self.at)))
    }

    /// How many records lie before the block that the cursor stands in, if the table lists it.
    pub(super) fn entries_before(&self) -> Option<u64> {
        (0..self.at).map(|block| self.table.tail.info(block).map(|info| info.entries)).sum()
    }

    /// Whether the table's last block is the one that the cursor stands in, or it is after that.
    pub(super) fn in_last_block(&self) -> bool {
        self.at + 1 >= self.table.tail.blocks()
    }

    /// Takes the block that the cursor stands before as it is stored, and goes past it.
    pub(crate) async fn take_block(&mut self) -> Result<UnchangedBlock, Error> {
        let (block, stored) = (self.at, self.fetch_stored().await?);
        let bytes = stored.block(block).ok_or_else(|| self.files.misplaced(&self.table))?;
        self.skip_block();
        Ok(UnchangedBlock { table: Arc::clone(&self.table), block, stored: bytes })
    }

    /// The first key of the block that the cursor stands before, if the table lists it.
    pub(crate) fn first_key_ahead(&self) -> Option<&[u8]> {
        let untouched = self.here.is_none() && self.from.is_none() && self.at < self.table.tail.blocks();
        untouched.then(|| self.table.tail.info(self.at)).flatten().map(|info| info.first_key.as_slice())
    }

    /// Goes past the block that the cursor stands before. Who skips blocks isn't scanning: what was read ahead for
    /// would mostly be skipped too.
    pub(crate) fn skip_block(&mut self) {
        self.enter(self.at + 1);
        self.window = 1;
    }

    /// Whether nothing is left, as far as is known without loading.
    pub(crate) fn at_end(&self) -> bool {
        self.here.is_none() && self.at >= self.table.tail.blocks()
    }
}
