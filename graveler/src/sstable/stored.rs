//! Blocks as they lie in a file: where, and what follows them. Owns the 5-byte trailer (compression type, checksum),
//! which every block has, whatever it holds.

use std::ops::Range;

use super::coding::{Reader, put_varint};
use super::compression::decompress;
use super::{BLOCK_BYTES_MAX, BlockFormat, SstError};

/// Bytes after each block: the compression's type and the checksum.
pub(super) const TRAILER_BYTES: usize = 5;

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
        self.offset..self.end()
    }

    /// The first byte after the trailer.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size).saturating_add(TRAILER_BYTES as u64)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.offset);
        put_varint(out, self.size);
    }

    /// Reads a handle and checks that its block lies within the first `limit` bytes of the file.
    pub(super) fn read(reader: &mut Reader<'_>, limit: u64) -> Result<Self, SstError> {
        let (offset, size) = (reader.varint()?, reader.varint()?);
        Self::checked(offset, size, limit)
    }

    /// The handle of a block that must lie within the first `limit` bytes of the file.
    pub(super) fn checked(offset: u64, size: u64, limit: u64) -> Result<Self, SstError> {
        let end = offset.checked_add(size).and_then(|end| end.checked_add(TRAILER_BYTES as u64));
        if end.is_none_or(|end| end > limit) {
            return Err(SstError::corrupt(format!("a block of {size} bytes at {offset} reaches behind byte {limit}")));
        }
        if size > BLOCK_BYTES_MAX as u64 {
            return Err(SstError::unsupported(format!("a block of {size} bytes, more than {BLOCK_BYTES_MAX}")));
        }
        Ok(Self { offset, size })
    }
}

/// Checks a block's stored bytes, trailer included; returns its compression's type and its bytes.
pub(super) fn check(stored: &[u8], handle: BlockHandle, format: BlockFormat) -> Result<(u8, &[u8]), SstError> {
    if stored.len() as u64 != handle.size.saturating_add(TRAILER_BYTES as u64) {
        return Err(SstError::corrupt(format!(
            "{} bytes where a block of {} and its trailer were due",
            stored.len(),
            handle.size
        )));
    }
    let (checked, mut checksum) = (&stored[..stored.len() - 4], Reader::new(&stored[stored.len() - 4..]));
    if format.compute(checked, handle.offset) != checksum.u32()? {
        return Err(SstError::corrupt(format!("wrong checksum of the block at {}", handle.offset)));
    }
    let (kind, bytes) = checked.split_last().expect("because a trailer's type byte is there");
    Ok((*kind, bytes))
}

/// Checks and decompresses a block.
pub(super) fn open(stored: &[u8], handle: BlockHandle, format: BlockFormat) -> Result<Vec<u8>, SstError> {
    let (kind, bytes) = check(stored, handle, format)?;
    decompress(kind, bytes)
}

/// Appends a block and its trailer to a file; returns where it lies.
pub(super) fn append(out: &mut Vec<u8>, kind: u8, bytes: &[u8], format: BlockFormat) -> BlockHandle {
    let offset = out.len();
    out.extend_from_slice(bytes);
    out.push(kind);
    let checksum = format.compute(&out[offset..], offset as u64);
    out.extend_from_slice(&checksum.to_le_bytes());
    BlockHandle { offset: offset as u64, size: bytes.len() as u64 }
}
