//! The index: for each data block where it lies, and a key between it and the next. Owns its encodings (whole or
//! delta-encoded handles, user or internal keys, first keys or none), both ways; a two-level index is one of these
//! whose blocks are indexes. Invariant: separators and offsets are strictly increasing.

use super::block::check_order;
use super::block_builder::BlockBuilder;
use super::coding::{Reader, put_signed_varint};
use super::entries::{Entries, Values};
use super::{BlockHandle, EXPANDED_BYTES_MAX, SstError};

/// How an index is encoded; its table's properties say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexLayout {
    /// Keys are user keys, without sequence number and type.
    pub(super) user_keys: bool,
    /// Handles are differences to the handle before, where keys share bytes.
    pub(super) delta_values: bool,
    /// The block's first (internal) key follows each handle.
    pub(super) first_keys: bool,
}

/// A parsed index.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// User keys, one after the other.
    separators: Vec<u8>,
    ends: Vec<u32>,
    handles: Vec<BlockHandle>,
}

impl Index {
    /// Appends the entries of an index block; their blocks must lie in the first `limit` bytes of the file.
    pub(super) fn read(&mut self, content: &[u8], layout: IndexLayout, limit: u64) -> Result<(), SstError> {
        let values = if layout.delta_values { Values::SelfDelimiting } else { Values::Prefixed };
        let mut entries = Entries::new(content, values)?;
        while entries.advance()? {
            let previous = self.handles.last().copied().filter(|_| entries.shared() > 0);
            let handle = match layout.delta_values {
                true => read_value(entries.rest(), previous, layout, limit)?,
                false => {
                    let mut value = Reader::new(entries.value());
                    let handle = read_value(&mut value, None, layout, limit)?;
                    if !value.is_empty() {
                        return Err(SstError::corrupt("bytes behind a handle in the index"));
                    }
                    handle
                }
            };
            self.push(separator(entries.key(), layout)?, handle)?;
        }
        Ok(())
    }

    fn push(&mut self, separator: &[u8], handle: BlockHandle) -> Result<(), SstError> {
        if let Some(last) = self.handles.len().checked_sub(1) {
            check_order(self.separator(last), separator)?;
            if handle.offset < self.handles[last].end() {
                return Err(SstError::corrupt("blocks that overlap, in the index"));
            }
        }
        if self.separators.len() + separator.len() > EXPANDED_BYTES_MAX {
            return Err(SstError::unsupported(format!("an index of more than {EXPANDED_BYTES_MAX} bytes")));
        }
        self.separators.extend_from_slice(separator);
        self.ends.push(self.separators.len() as u32);
        self.handles.push(handle);
        Ok(())
    }

    pub(super) fn handles(&self) -> &[BlockHandle] {
        &self.handles
    }

    pub(super) fn separator(&self, block: usize) -> &[u8] {
        let start = if block == 0 { 0 } else { self.ends[block - 1] as usize };
        &self.separators[start..self.ends[block] as usize]
    }

    /// The first block whose separator is at least `key`.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.handles.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.separator(middle) < key { low = middle + 1 } else { high = middle }
        }
        (low < self.handles.len()).then_some(low)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.separators.capacity() + self.ends.capacity() * 4 + self.handles.capacity() * size_of::<BlockHandle>()
    }
}

fn read_value(
    reader: &mut Reader<'_>,
    previous: Option<BlockHandle>,
    layout: IndexLayout,
    limit: u64,
) -> Result<BlockHandle, SstError> {
    let handle = match previous {
        None => BlockHandle::read(reader, limit)?,
        Some(previous) => {
            let size = previous.size.checked_add_signed(reader.signed_varint()?);
            let size = size.ok_or_else(|| SstError::corrupt("a block of negative size, in the index"))?;
            BlockHandle::checked(previous.end(), size, limit)?
        }
    };
    if layout.first_keys {
        reader.prefixed()?;
    }
    Ok(handle)
}

/// Takes the user key out of an index's key. A separator's sequence number and type mean nothing to who has one
/// version of each key.
fn separator(key: &[u8], layout: IndexLayout) -> Result<&[u8], SstError> {
    match layout.user_keys {
        true => Ok(key),
        false => key
            .split_last_chunk::<8>()
            .map(|(user, _)| user)
            .ok_or_else(|| SstError::corrupt("a key without trailer, in the index")),
    }
}

/// Builds an index with user keys and delta-encoded handles.
#[derive(Debug)]
pub(super) struct IndexBuilder {
    block: BlockBuilder,
    last_key: Vec<u8>,
    last_size: u64,
}

impl IndexBuilder {
    /// Entries between restart points.
    pub(super) const RESTART_INTERVAL: usize = 16;

    pub(super) fn new() -> Self {
        Self { block: BlockBuilder::new(Self::RESTART_INTERVAL), last_key: Vec::new(), last_size: 0 }
    }

    /// Adds a block, which lies right after the one before.
    pub(super) fn add(&mut self, last_key: &[u8], handle: BlockHandle) {
        let (mut whole, mut delta) = (Vec::with_capacity(20), Vec::with_capacity(10));
        handle.put(&mut whole);
        put_signed_varint(&mut delta, handle.size as i64 - self.last_size as i64);
        self.block.add_self_delimiting(&self.last_key, last_key, &whole, &delta);
        self.last_key.clear();
        self.last_key.extend_from_slice(last_key);
        self.last_size = handle.size;
    }

    pub(super) fn finish(&mut self) -> &[u8] {
        self.block.finish()
    }
}
