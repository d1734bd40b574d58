//! RocksDB's block-based tables, written and read as pure bytes. Owns the file format and the content-defined cuts
//! ([`Cutter`], which the tree's ranges use too); leaves all I/O, caching and the meaning of values to its callers.
//! Invariant: bytes that aren't what a writer wrote give an error, never a panic or another answer.
//!
//! Format: <https://github.com/facebook/rocksdb/wiki/Rocksdb-BlockBasedTable-Format>. The C++ library verifies every
//! file that the tests write, and they read what it writes.
//!
//! To look a key up: fetch a file's last bytes, [`Tail::parse`], [`Tail::find`] the block, fetch its
//! [`BlockHandle::range`], [`Block::decode`], [`Block::get`].

mod cut;
mod error;

mod writer;

mod block;
mod tail;

mod block_builder;
mod block_list;
mod checksum;
mod coding;
mod compression;
mod entries;
mod filter;
pub(crate) mod fix_checksums;
mod footer;
mod index;
mod metablocks;
mod stored;

#[cfg(test)]
mod tests;

pub use block::{Block, Cursor};
pub use block_list::BlockInfo;
pub use checksum::{BlockFormat, Checksum};
pub use compression::Compression;
pub use cut::{CutRule, Cutter};
pub use error::SstError;
pub use filter::{Filter, KeyHash};
pub use stored::BlockHandle;
pub use tail::{Tail, TailParse};
pub use writer::{Finished, RawBlock, Writer, WriterOptions};

/// The largest key that is written, with its 8-byte trailer, or read.
pub const KEY_BYTES_MAX: usize = 1 << 20;
/// The largest value that is written.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// The largest block that is written or read, before and after decompression.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;
/// The most that a block's keys (or all those of an index) may take, prefixes restored.
pub const EXPANDED_BYTES_MAX: usize = 256 << 20;
/// The longest tail that is read.
pub const TAIL_BYTES_MAX: u64 = 256 << 20;

/// BLAKE3 of a data block's uncompressed content, which begins with its first key in full.
pub type BlockHash = [u8; 32];

/// Computes a table's content id: BLAKE3 over the hashes of its data blocks, in order, and of its filter if it has one.
///
/// It depends on keys and values alone, neither on the compressor's version nor on the checksums' kind; but a table with
/// a filter is another file, and so has another id, than one without.
pub fn content_id(hashes: &[BlockHash], filter: Option<&Filter>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hashes.iter().for_each(|hash| {
        hasher.update(hash);
    });
    if let Some(filter) = filter {
        hasher.update(blake3::hash(&filter.encode()).as_bytes());
    }
    *hasher.finalize().as_bytes()
}
