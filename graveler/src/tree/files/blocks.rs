//! Reads the blocks of opened files: one request for each, or for neighbours together when they are scanned. Owns
//! singleflight of blocks. Invariant: a point lookup never fetches a whole range.

use std::sync::Arc;

use bytes::Bytes;
use storage::Immutable;

use super::Files;
use super::tables::Table;
use crate::Error;
use crate::sstable::Block;
use crate::tree::cache::{Counted, Space};

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
}
