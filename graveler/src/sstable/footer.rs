//! The last 53 bytes of a table. Owns their two layouts (up to version 5, and 6 with its own checksum).

use super::coding::Reader;
use super::stored::TRAILER_BYTES;
use super::{BlockFormat, BlockHandle, Checksum, SstError};

/// Bytes of a footer of version 1 or later.
pub(super) const FOOTER_BYTES: usize = 53;
/// The version that we write: the last whose block checksums don't depend on the block's place.
pub(super) const VERSION_WRITTEN: u32 = 5;

const MAGIC: u64 = 0x88e2_41b7_85f4_cff7;
const MAGIC_LEGACY: u64 = 0xdb47_7524_8b80_fb57;
const MAGIC_PLAIN: [u64; 2] = [0x8242_2296_63bf_9564, 0x4f34_18eb_7a8f_13b8];
const MAGIC_CUCKOO: u64 = 0x9267_89d0_c5f1_7873;
const EXTENDED_MAGIC: [u8; 4] = [0x3e, 0x00, 0x7a, 0x00];
/// Where both handles stand, padded with zeros, or version 6's fields.
const PART_2: std::ops::Range<usize> = 1..41;

/// What a footer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) version: u32,
    pub(super) format: BlockFormat,
    pub(super) metaindex: BlockHandle,
    /// The index; from version 6 on the metaindex says where it is.
    pub(super) index: Option<BlockHandle>,
}

impl Footer {
    /// Parses the footer of a file of `file_size` bytes.
    pub(super) fn parse(footer: &[u8; FOOTER_BYTES], file_size: u64) -> Result<Self, SstError> {
        let mut part_3 = Reader::new(&footer[PART_2.end..]);
        let (version, magic) = (part_3.u32()?, part_3.u64()?);
        check_magic(magic)?;
        let offset = file_size - FOOTER_BYTES as u64;
        match version {
            2..=5 => Self::parse_handles(footer, version, offset),
            6 => Self::parse_extended(footer, version, offset),
            _ => Err(SstError::unsupported(format!("format version {version}; 2 to 6 are read"))),
        }
    }

    fn parse_handles(footer: &[u8; FOOTER_BYTES], version: u32, offset: u64) -> Result<Self, SstError> {
        let format = BlockFormat { checksum: Checksum::from_byte(footer[0])?, context: 0 };
        let mut part_2 = Reader::new(&footer[PART_2]);
        let metaindex = BlockHandle::read(&mut part_2, offset)?;
        let index = Some(BlockHandle::read(&mut part_2, offset)?);
        if part_2.take(part_2.remaining())?.iter().any(|byte| *byte != 0) {
            return Err(SstError::corrupt("something behind the handles in the footer"));
        }
        Ok(Self { version, format, metaindex, index })
    }

    fn parse_extended(footer: &[u8; FOOTER_BYTES], version: u32, offset: u64) -> Result<Self, SstError> {
        let mut part_2 = Reader::new(&footer[PART_2]);
        if part_2.array()? != EXTENDED_MAGIC {
            return Err(SstError::corrupt("a footer of version 6 without its magic number"));
        }
        let (stored, context, size) = (part_2.u32()?, part_2.u32()?, part_2.u32()?);
        if context == 0 {
            return Err(SstError::corrupt("a footer of version 6 without a context checksum"));
        }
        let format = BlockFormat { checksum: Checksum::from_byte(footer[0])?, context };
        let mut unchecked = *footer;
        unchecked[5..9].fill(0);
        if format.compute(&unchecked, offset) != stored {
            return Err(SstError::corrupt("wrong checksum of the footer"));
        }
        part_2.take(16)?;
        if part_2.u64()? != 0 {
            return Err(SstError::unsupported("a feature of the future, in the footer"));
        }
        let before = offset.checked_sub(u64::from(size) + TRAILER_BYTES as u64);
        let start = before.ok_or_else(|| SstError::corrupt("a metaindex that is larger than the file"))?;
        let metaindex = BlockHandle::checked(start, size.into(), offset)?;
        Ok(Self { version, format, metaindex, index: None })
    }

    /// Encodes a footer of the version that we write.
    pub(super) fn encode(checksum: Checksum, metaindex: BlockHandle, index: BlockHandle) -> [u8; FOOTER_BYTES] {
        let mut handles = Vec::with_capacity(PART_2.len());
        metaindex.put(&mut handles);
        index.put(&mut handles);
        let mut footer = [0; FOOTER_BYTES];
        footer[0] = checksum.to_byte();
        footer[1..=handles.len()].copy_from_slice(&handles);
        footer[PART_2.end..PART_2.end + 4].copy_from_slice(&VERSION_WRITTEN.to_le_bytes());
        footer[PART_2.end + 4..].copy_from_slice(&MAGIC.to_le_bytes());
        footer
    }
}

fn check_magic(magic: u64) -> Result<(), SstError> {
    match magic {
        MAGIC => Ok(()),
        MAGIC_LEGACY => Err(SstError::unsupported("a format older than version 2; compact with RocksDB 10 to upgrade")),
        MAGIC_CUCKOO => Err(SstError::unsupported("a cuckoo table")),
        magic if MAGIC_PLAIN.contains(&magic) => Err(SstError::unsupported("a plain table")),
        _ => Err(SstError::corrupt("no table's magic number at the end")),
    }
}
