//! One data block, checked, decompressed and laid out for lookups. Owns search and iteration inside a block; leaves
//! which block to look into to [`super::Tail`]. Invariant: all was validated by `decode`, so a search can't fail.

use std::cmp::Ordering;
use std::ops::Deref;

use super::entries::{Entries, Values, user_key};
use super::{BlockFormat, BlockHandle, BlockHash, SstError, stored};

/// A data block: its entries in the order of their keys, which are strictly increasing.
///
/// Keys are kept whole, without the sequence number that RocksDB appends: searching then needs neither allocation nor
/// decoding, for about the memory that the entries had before they were written.
#[derive(Debug)]
pub struct Block {
    /// Key, value, key, value, …
    bytes: Vec<u8>,
    ends: Vec<EntryEnds>,
}

/// Where an entry's key and value end in the block's bytes; the key begins where the entry before ends.
#[derive(Debug, Clone, Copy)]
struct EntryEnds {
    key: u32,
    value: u32,
}

impl Block {
    /// Checks, decompresses and validates a block from its stored bytes, trailer included.
    pub fn decode(stored: &[u8], handle: BlockHandle, format: BlockFormat) -> Result<Self, SstError> {
        Self::parse(&stored::open(stored, handle, format)?)
    }

    /// Decodes a block and computes the hash of its content, as [`super::BlockInfo`] lists it.
    pub fn decode_and_hash(
        stored: &[u8],
        handle: BlockHandle,
        format: BlockFormat,
    ) -> Result<(Self, BlockHash), SstError> {
        let content = stored::open(stored, handle, format)?;
        Ok((Self::parse(&content)?, *blake3::hash(&content).as_bytes()))
    }

    fn parse(content: &[u8]) -> Result<Self, SstError> {
        let mut entries = Entries::new(content, Values::Prefixed)?;
        let mut block = Self { bytes: Vec::with_capacity(content.len() * 2), ends: Vec::new() };
        while entries.advance()? {
            block.push(user_key(entries.key())?, entries.value())?;
        }
        if block.ends.is_empty() {
            return Err(SstError::corrupt("a data block without entries"));
        }
        block.bytes.shrink_to_fit();
        block.ends.shrink_to_fit();
        Ok(block)
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), SstError> {
        if let Some(last) = self.ends.len().checked_sub(1) {
            check_order(self.entry(last).0, key)?;
        }
        // Offsets fit: keys take at most EXPANDED_BYTES_MAX, values at most BLOCK_BYTES_MAX.
        self.bytes.extend_from_slice(key);
        let key = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        self.ends.push(EntryEnds { key, value: self.bytes.len() as u32 });
        Ok(())
    }

    /// The value at a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let (found, value) = self.entries().checked_sub(1).map(|last| self.entry(self.lower_bound(key).min(last)))?;
        (found == key).then_some(value)
    }

    /// How many entries there are; at least one.
    pub fn entries(&self) -> usize {
        self.ends.len()
    }

    /// The key and value of an entry.
    ///
    /// # Panics
    /// If there are no more than `index` entries.
    pub fn entry(&self, index: usize) -> (&[u8], &[u8]) {
        let start = if index == 0 { 0 } else { self.ends[index - 1].value as usize };
        let EntryEnds { key, value } = self.ends[index];
        (&self.bytes[start..key as usize], &self.bytes[key as usize..value as usize])
    }

    /// The index of the first entry whose key is at least `key`; [`Self::entries`] if there is none.
    pub fn lower_bound(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.entry(middle).0.cmp(key) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return middle,
                Ordering::Greater => high = middle,
            }
        }
        low
    }

    /// The first key.
    pub fn first_key(&self) -> &[u8] {
        self.entry(0).0
    }

    /// The last key.
    pub fn last_key(&self) -> &[u8] {
        self.entry(self.entries() - 1).0
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
        size_of::<Self>() + self.bytes.capacity() + self.ends.capacity() * size_of::<EntryEnds>()
    }
}

/// Checks that one user key may follow another.
pub(super) fn check_order(before: &[u8], after: &[u8]) -> Result<(), SstError> {
    match before.cmp(after) {
        Ordering::Less => Ok(()),
        Ordering::Equal => Err(SstError::unsupported("several versions of one key")),
        Ordering::Greater => Err(SstError::corrupt("keys out of order")),
    }
}

/// Walks a block's entries in order; `B` is `&Block` or `Arc<Block>`.
#[derive(Debug, Clone)]
pub struct Cursor<B> {
    block: B,
    at: usize,
}

impl<B: Deref<Target = Block>> Cursor<B> {
    /// A cursor at the first entry.
    pub fn first(block: B) -> Self {
        Self { block, at: 0 }
    }

    /// A cursor at the first entry whose key is at least `key`.
    pub fn seek(block: B, key: &[u8]) -> Self {
        let at = block.lower_bound(key);
        Self { block, at }
    }

    /// The key and value here; `None` after the last.
    pub fn entry(&self) -> Option<(&[u8], &[u8])> {
        (self.at < self.block.entries()).then(|| self.block.entry(self.at))
    }

    /// Goes to the next entry.
    pub fn advance(&mut self) {
        self.at += usize::from(self.at < self.block.entries());
    }
}
