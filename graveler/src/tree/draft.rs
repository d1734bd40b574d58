//! A range that is cut and not encoded yet. Owns its records and unchanged blocks until a thread encodes them: cuts are
//! decided one after the other, which is cheap, while encoding and compression go on side by side.
//! Invariant: the file depends on the records alone: a block that was copied is what encoding it would have given.

use std::sync::Arc;

use bytes::Bytes;
use storage::Immutable;

use super::files::Table;
use crate::sstable::{Finished, SstError, Writer, WriterOptions};

/// What records are kept in, but for single ones that are larger.
const CHUNK_BYTES: usize = 128 << 10;

/// Content of a range, in the order of keys.
#[derive(Default)]
pub(super) struct Draft {
    /// Keys and values of all records, one after the other, each whole in its chunk: what grows is never copied.
    chunks: Vec<Vec<u8>>,
    record_bytes: usize,
    parts: Vec<Part>,
    copied_bytes: usize,
}

enum Part {
    /// The lengths of the next record's key and value.
    Record {
        key: u32,
        value: u32,
    },
    Block(Box<UnchangedBlock>),
}

/// A data block of another table, as it is stored there.
pub(super) struct UnchangedBlock {
    pub(super) table: Arc<Table>,
    pub(super) block: usize,
    pub(super) stored: Bytes,
}

/// A range's file, and how its blocks came about.
pub(super) struct Encoded {
    pub(super) finished: Finished,
    pub(super) blocks_copied: u64,
    pub(super) blocks_encoded: u64,
}

impl Draft {
    /// Adds a record; only its order isn't looked at before it is encoded.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), SstError> {
        let length = |what, bytes: &[u8]| {
            let too_large = |_| SstError::TooLarge { what, bytes: bytes.len() as u64, max: u32::MAX.into() };
            u32::try_from(bytes.len()).map_err(too_large)
        };
        self.parts.push(Part::Record { key: length("a key", key)?, value: length("a value", value)? });
        let bytes = key.len() + value.len();
        self.record_bytes += bytes;
        if self.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < bytes) {
            self.chunks.push(Vec::with_capacity(bytes.max(CHUNK_BYTES)));
        }
        let chunk = self.chunks.last_mut().expect("because one with room was found or added");
        chunk.extend_from_slice(key);
        chunk.extend_from_slice(value);
        Ok(())
    }

    /// Adds an unchanged block; only at a cut.
    pub(super) fn push_block(&mut self, block: UnchangedBlock) {
        self.copied_bytes += block.stored.len();
        self.parts.push(Part::Block(Box::new(block)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Empty in an empty draft.
    pub(super) fn last_key(&self) -> &[u8] {
        match self.parts.last() {
            None => &[],
            Some(Part::Block(unchanged)) => unchanged.table.tail.separator(unchanged.block),
            Some(Part::Record { key, value }) => {
                let chunk = self.chunks.last().map_or(&[][..], Vec::as_slice);
                let end = chunk.len() - *value as usize;
                &chunk[end - *key as usize..end]
            }
        }
    }

    /// About how much memory it takes, with what it is encoded to.
    pub(super) fn memory_bytes(&self) -> usize {
        2 * (self.record_bytes + self.copied_bytes) + self.parts.len() * size_of::<Part>()
    }

    /// Encodes the range. An error that lies in an unchanged block comes with the file that has it.
    pub(super) fn encode(self, block_bytes: u32, filter: bool) -> Result<Encoded, (Option<Immutable>, SstError)> {
        let mut writer = Writer::new(WriterOptions { block_bytes, filter, ..WriterOptions::default() });
        // Blocks take less than half of their records once they are compressed.
        writer.reserve(self.copied_bytes + self.record_bytes / 2);
        let (mut chunks, mut rest, mut blocks_copied) = (self.chunks.iter(), &[][..], 0);
        for part in self.parts {
            match part {
                Part::Record { key, value } => {
                    if rest.is_empty() {
                        rest = chunks.next().map_or(&[], Vec::as_slice);
                    }
                    let (key, behind) = rest.split_at(key as usize);
                    let (value, behind) = behind.split_at(value as usize);
                    writer.add(key, value).map_err(|e| (None, e))?;
                    rest = behind;
                }
                Part::Block(unchanged) => {
                    let raw = unchanged.table.tail.raw_block(unchanged.block, &unchanged.stored);
                    let raw = raw.ok_or_else(|| SstError::Misuse("a block of a table without a list".into()));
                    raw.and_then(|raw| writer.add_raw_block(&raw)).map_err(|e| (Some(unchanged.table.object), e))?;
                    blocks_copied += 1;
                }
            }
        }
        let finished = writer.finish().map_err(|e| (None, e))?;
        let blocks_encoded = finished.block_hashes.len() as u64 - blocks_copied;
        Ok(Encoded { finished, blocks_copied, blocks_encoded })
    }
}
