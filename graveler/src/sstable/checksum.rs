//! How blocks are checked. Owns the kinds of checksum and the context that version 6 adds to them.

use xxhash_rust::{xxh3::xxh3_64, xxh64::xxh64};

use super::SstError;

/// A kind of checksum, over a block and the type byte after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// CRC-32C, masked: a checksum of data that holds checksums would be weak otherwise.
    Crc32c,
    /// The lower half of xxHash64.
    XxHash64,
    /// The lower half of XXH3, the last byte mixed in apart.
    Xxh3,
}

impl Checksum {
    pub(super) fn from_byte(byte: u8) -> Result<Self, SstError> {
        match byte {
            1 => Ok(Self::Crc32c),
            3 => Ok(Self::XxHash64),
            4 => Ok(Self::Xxh3),
            0 => Err(SstError::unsupported("its blocks have no checksums")),
            2 => Err(SstError::unsupported("32-bit xxHash checksums")),
            _ => Err(SstError::corrupt(format!("unknown kind of checksum {byte}"))),
        }
    }

    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::Crc32c => 1,
            Self::XxHash64 => 3,
            Self::Xxh3 => 4,
        }
    }

    /// Computes the checksum without context of bytes that end with a block's type.
    pub(super) fn compute(self, bytes: &[u8]) -> u32 {
        match self {
            Self::Crc32c => crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8),
            Self::XxHash64 => xxh64(bytes, 0) as u32,
            Self::Xxh3 => bytes
                .split_last()
                .map_or(0, |(last, rest)| xxh3_64(rest) as u32 ^ u32::from(*last).wrapping_mul(0x6b90_83d9)),
        }
    }
}

/// What one must know of a table to check its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFormat {
    pub(super) checksum: Checksum,
    /// Version 6's base context checksum; 0 before.
    pub(super) context: u32,
}

impl BlockFormat {
    /// Computes what is stored after bytes (which end with a block's type) that lie at an offset.
    pub(super) fn compute(self, bytes: &[u8], offset: u64) -> u32 {
        self.checksum.compute(bytes).wrapping_add(self.modifier(offset))
    }

    /// What the context adds to the checksum of a block at an offset, so that a block in the wrong place or of
    /// another file isn't taken for the right one.
    pub(super) fn modifier(self, offset: u64) -> u32 {
        match self.context {
            0 => 0,
            base => base ^ (offset as u32).wrapping_add((offset >> 32) as u32),
        }
    }
}
