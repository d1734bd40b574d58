//! Writes a table.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{BlockFormat, BlockHandle, BlockHash, BlockInfo, Checksum, SstError};

/// How data blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard, at a level.
    Zstd(i32),
}

/// What a table is like.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// How data blocks are compressed.
    pub compression: Compression,
    /// How blocks are checked.
    pub checksum: Checksum,
    /// The mean weight of a data block: bytes before compression.
    pub block_bytes: u32,
    /// Extra properties.
    pub properties: BTreeMap<String, Vec<u8>>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd(1),
            checksum: Checksum::Crc32c,
            block_bytes: 16 << 10,
            properties: BTreeMap::new(),
        }
    }
}

/// A data block of another table, as it lies there, to be copied byte for byte.
#[derive(Debug, Clone)]
pub struct RawBlock<'a> {
    /// What the other table's block list says of it.
    pub info: BlockInfo,
    /// Its last key.
    pub last_key: &'a [u8],
    /// How the other table is checked.
    pub format: BlockFormat,
    /// Where it lies there.
    pub handle: BlockHandle,
    /// Its bytes there, trailer included.
    pub stored: &'a [u8],
}

/// A finished table.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The file.
    pub bytes: Bytes,
    /// How many of its last bytes hold all but the data blocks.
    pub tail_length: u32,
    /// Its content id.
    pub id: [u8; 32],
    /// Hashes of its data blocks, in order.
    pub block_hashes: Vec<BlockHash>,
    /// Its first key.
    pub first_key: Vec<u8>,
    /// Its last key.
    pub last_key: Vec<u8>,
    /// How many entries it has.
    pub entries: u64,
}

/// Writes a table from entries in order.
#[derive(Debug)]
pub struct Writer {
    options: WriterOptions,
}

impl Writer {
    /// Begins a table.
    pub fn new(options: WriterOptions) -> Self {
        Self { options }
    }

    /// Adds an entry, whose key must be larger than the last. True if a block ends with it: the table may end here,
    /// or a raw block may follow.
    pub fn add(&mut self, _key: &[u8], _value: &[u8]) -> Result<bool, SstError> {
        Err(SstError::Unsupported(format!("{:?}", self.options)))
    }

    /// Adds an unchanged block of another table; only at a cut.
    pub fn add_raw_block(&mut self, _block: &RawBlock<'_>) -> Result<(), SstError> {
        Err(SstError::Unsupported(String::new()))
    }

    /// Whether a block has just ended (or none has begun).
    pub fn at_cut(&self) -> bool {
        true
    }

    /// The weight (keys, values and 8 bytes an entry) of the last closed block: what a step of a range's
    /// [`super::Cutter`] weighs.
    pub fn last_block_weight(&self) -> u64 {
        0
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        0
    }

    /// Ends the table. One without entries is an error.
    pub fn finish(self) -> Result<Finished, SstError> {
        Err(SstError::Unsupported(String::new()))
    }
}
