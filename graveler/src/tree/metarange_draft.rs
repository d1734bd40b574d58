//! Encodes a metarange out of what it will list. Owns which blocks of another metarange are copied as they are stored, and
//! what the metarange above will say of this one. Invariant: the file is what adding each range by itself would give.

use bytes::Bytes;
use model::MetaRangeId;
use storage::Immutable;

use super::Files;
use super::builder::write_error;
use super::draft::UnchangedBlock;
use super::range_info::RangeInfo;
use crate::Error;
use crate::sstable::{Block, SstError, Writer, WriterOptions};

/// Ranges in a metarange are one lower than it; nothing else is copied.
const LISTED_BY_HEIGHT: u32 = 1;

/// A metarange under way.
pub(super) struct MetaRangeDraft<'a> {
    files: &'a Files,
    writer: Writer,
    /// The first key and the entries under it, if somebody will ask: a root is named by its id alone, and to know
    /// them costs a look into what is copied.
    described: Option<(Vec<u8>, u64)>,
}

impl<'a> MetaRangeDraft<'a> {
    pub(super) fn new(files: &'a Files, block_bytes: u32, is_described: bool) -> Self {
        let writer = Writer::new(WriterOptions { block_bytes, ..WriterOptions::default() });
        Self { files, writer, described: is_described.then(Default::default) }
    }

    /// Adds a range or a lower metarange.
    pub(super) fn add(&mut self, info: &RangeInfo) -> Result<(), Error> {
        self.describe(info);
        self.writer.add(&info.last_key, &info.encode()).map(drop).map_err(write_error)
    }

    /// Adds the ranges that a block of another metarange lists.
    pub(super) fn add_listed(&mut self, listed: &UnchangedBlock) -> Result<(), Error> {
        if !self.writer.at_cut() {
            return self.ranges(listed)?.iter().try_for_each(|info| self.add(info));
        }
        if self.described.is_some() {
            self.ranges(listed)?.iter().for_each(|info| self.describe(info));
        }
        let tail = &listed.table.tail;
        let raw = tail.raw_block(listed.block, &listed.stored);
        let raw = raw.ok_or_else(|| Error::Internal("a block of a metarange without a list".into()))?;
        self.writer.add_raw_block(&raw).map_err(|error| match error {
            SstError::Misuse(_) => write_error(error),
            damaged => self.files.table_error(listed.table.object, damaged),
        })
    }

    fn describe(&mut self, info: &RangeInfo) {
        if let Some((first_key, entries)) = &mut self.described {
            if *entries == 0 {
                first_key.clone_from(&info.first_key);
            }
            *entries += info.entries;
        }
    }

    fn ranges(&self, listed: &UnchangedBlock) -> Result<Vec<RangeInfo>, Error> {
        let (object, tail) = (listed.table.object, &listed.table.tail);
        let block = Block::decode(&listed.stored, tail.handle(listed.block), tail.format());
        let block = block.map_err(|error| self.files.table_error(object, error))?;
        let records = (0..block.entries()).map(|slot| block.entry(slot));
        records.map(|(key, value)| self.files.range_info(object, Some(LISTED_BY_HEIGHT), key, value)).collect()
    }

    /// Ends the metarange: its file, and what the one above says of it.
    pub(super) fn finish(self, height: u32) -> Result<(Bytes, RangeInfo), Error> {
        let finished = self.writer.finish().map_err(write_error)?;
        let (first_key, entries) = self.described.unwrap_or_default();
        let info = RangeInfo {
            object: Immutable::MetaRange(MetaRangeId::from_bytes(finished.id)),
            height,
            level: 0,
            first_key,
            last_key: finished.last_key,
            entries,
            bytes: finished.bytes.len() as u64,
            tail_length: finished.tail_length,
        };
        Ok((finished.bytes, info))
    }
}
