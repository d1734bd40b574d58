//! All of a table but its data blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{BlockHash, RawBlock, SstError};

/// How blocks are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// CRC-32C, masked as RocksDB does.
    Crc32c,
    /// The lower half of xxHash64.
    XxHash64,
    /// XXH3.
    Xxh3,
}

/// What one must know of a table to check its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFormat {
    pub(super) checksum: Checksum,
    pub(super) context: u32,
}

/// Where a block lies in its file; its 5-byte trailer follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHandle {
    /// Its first byte.
    pub offset: u64,
    /// Its bytes without the trailer.
    pub size: u64,
}

impl BlockHandle {
    /// Its bytes in the file, with the trailer: what to fetch for [`super::Block::decode`].
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.size + 5
    }
}

/// What a table of ours lists of each of its data blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Hash of its uncompressed content.
    pub hash: BlockHash,
    /// How many entries it has.
    pub entries: u64,
    /// Bytes of its (user) keys.
    pub key_bytes: u64,
    /// Bytes of its values.
    pub value_bytes: u64,
    /// Its first key.
    pub first_key: Vec<u8>,
    /// Whether the rule ended it, not just the table's end. Only such a block may be followed by others in a copy.
    pub closed: bool,
    /// The target of the rule that cut it.
    pub target: u64,
}

/// What came of [`Tail::parse`].
#[derive(Debug)]
pub enum TailParse {
    /// The tail.
    Parsed(Box<Tail>),
    /// The suffix is too short: this many last bytes of the file are needed (then perhaps more again).
    NeedMore(u64),
}

/// A parsed tail.
#[derive(Debug)]
pub struct Tail {
    format: BlockFormat,
}

impl Tail {
    /// Parses the last bytes of a file of `file_size` bytes.
    pub fn parse(_suffix: &[u8], _file_size: u64) -> Result<TailParse, SstError> {
        Err(SstError::Unsupported(String::new()))
    }

    /// How its blocks are checked; what [`super::Block::decode`] needs.
    pub fn format(&self) -> BlockFormat {
        self.format
    }

    /// How many data blocks there are.
    pub fn blocks(&self) -> usize {
        0
    }

    /// The only block that may hold `key`, which is also the first that may hold keys from `key` on. `None`: all
    /// keys are smaller.
    pub fn find(&self, _key: &[u8]) -> Option<usize> {
        None
    }

    /// Where a data block lies.
    pub fn handle(&self, _block: usize) -> BlockHandle {
        BlockHandle { offset: 0, size: 0 }
    }

    /// A key that is at least the block's last (exactly that, in tables of ours) and less than the next block's first.
    pub fn separator(&self, _block: usize) -> &[u8] {
        &[]
    }

    /// What is listed of a block; `None` in tables of others.
    pub fn info(&self, _block: usize) -> Option<&BlockInfo> {
        None
    }

    /// The content id, from the block list; `None` in tables of others.
    pub fn content_id(&self) -> Option<[u8; 32]> {
        None
    }

    /// An unchanged block for [`super::Writer::add_raw_block`], from its stored bytes (trailer included).
    pub fn raw_block<'a>(&'a self, _block: usize, _stored: &'a [u8]) -> Option<RawBlock<'a>> {
        None
    }

    /// How many entries the table has, as its properties say.
    pub fn entries(&self) -> u64 {
        0
    }

    /// All properties, by name.
    pub fn properties(&self) -> &BTreeMap<String, Vec<u8>> {
        const { &BTreeMap::new() }
    }

    /// Bytes of memory, for a cache's weight.
    pub fn memory_bytes(&self) -> usize {
        0
    }
}
