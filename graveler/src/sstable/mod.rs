//! RocksDB's block-based tables, written and read as pure bytes. Owns the file format and the content-defined cuts
//! ([`Cutter`], which the tree's ranges use too); leaves all I/O, caching and the meaning of values to its callers.
//! Invariant: bytes that aren't what a writer wrote give an error, never a panic or another answer.
//!
//! Format: <https://github.com/facebook/rocksdb/wiki/Rocksdb-BlockBasedTable-Format>. The C++ library verifies every
//! file that the tests write, and they read what it writes.

mod cut;
mod error;

mod block;
mod tail;
mod writer;

pub use block::{Block, Cursor};
pub use cut::{CutRule, Cutter};
pub use error::SstError;
pub use tail::{BlockFormat, BlockHandle, BlockInfo, Checksum, Tail, TailParse};
pub use writer::{Compression, Finished, RawBlock, Writer, WriterOptions};

/// BLAKE3 of a data block's uncompressed content, which begins with its first key in full.
pub type BlockHash = [u8; 32];

/// Computes a table's content id: BLAKE3 over the hashes of its data blocks, in order.
///
/// It depends on keys and values alone, neither on the compressor's version nor on the checksums' kind.
pub fn content_id(hashes: &[BlockHash]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hashes.iter().for_each(|hash| {
        hasher.update(hash);
    });
    *hasher.finalize().as_bytes()
}
