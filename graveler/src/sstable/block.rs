//! One data block, checked and decompressed.

use std::ops::Deref;

use super::{BlockFormat, BlockHandle, BlockHash, SstError};

/// A data block.
#[derive(Debug)]
pub struct Block {
    content: Vec<u8>,
}

impl Block {
    /// Checks, decompresses and validates a block from its stored bytes, trailer included.
    pub fn decode(_stored: &[u8], _handle: BlockHandle, _format: BlockFormat) -> Result<Self, SstError> {
        Err(SstError::Unsupported(String::new()))
    }

    /// The value at a key.
    pub fn get(&self, _key: &[u8]) -> Option<&[u8]> {
        None
    }

    /// How many entries there are; at least one.
    pub fn entries(&self) -> usize {
        0
    }

    /// The first key.
    pub fn first_key(&self) -> &[u8] {
        &self.content
    }

    /// Hash of the content, as listed in tables of ours.
    pub fn hash(&self) -> BlockHash {
        *blake3::hash(&self.content).as_bytes()
    }

    /// A cursor at the first entry.
    pub fn iter(&self) -> Cursor<&Self> {
        Cursor::first(self)
    }

    /// A cursor at the first entry whose key is at least `key`.
    pub fn iter_from(&self, key: &[u8]) -> Cursor<&Self> {
        Cursor::seek(self, key)
    }

    /// Bytes of memory, for a cache's weight.
    pub fn memory_bytes(&self) -> usize {
        0
    }
}

/// Walks a block's entries in order; `B` is `&Block` or `Arc<Block>`.
#[derive(Debug, Clone)]
pub struct Cursor<B> {
    block: B,
    key: Vec<u8>,
}

impl<B: Deref<Target = Block>> Cursor<B> {
    /// A cursor at the first entry.
    pub fn first(block: B) -> Self {
        Self { block, key: Vec::new() }
    }

    /// A cursor at the first entry whose key is at least `key`.
    pub fn seek(block: B, _key: &[u8]) -> Self {
        Self { block, key: Vec::new() }
    }

    /// The key and value here; `None` behind the last.
    pub fn entry(&self) -> Option<(&[u8], &[u8])> {
        Some((&self.key, &self.block.content))
    }

    /// Goes to the next entry.
    pub fn advance(&mut self) {}
}
