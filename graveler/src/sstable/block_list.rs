//! The metablock `lakebed.blocks`: what two versions of a table need to know of each other's data blocks, so that a
//! diff fetches only those that differ and a rewrite copies those that don't. Owns its encoding; RocksDB ignores it.
//!
//! version 1 ‖ target of the cut rule ‖ count, then for each block: hash (32 bytes) ‖ entries × 2 + closed ‖ bytes of
//! keys ‖ bytes of values ‖ bytes that its first key shares with that of the block before ‖ length and bytes of the
//! rest of it. All numbers are varints.

use super::block_builder::common_prefix;
use super::coding::{Reader, put_varint};
use super::{BlockHash, EXPANDED_BYTES_MAX, SstError};

const VERSION: u64 = 1;
/// The least that a block takes in the list.
const ENTRY_BYTES_MIN: usize = 32 + 5;

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

impl BlockInfo {
    /// What the block weighs in cuts: keys, values and 8 bytes an entry.
    pub fn weight(&self) -> u64 {
        self.key_bytes + self.value_bytes + 8 * self.entries
    }
}

pub(super) fn encode(target: u64, infos: &[BlockInfo]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + infos.len() * 64);
    put_varint(&mut out, VERSION);
    put_varint(&mut out, target);
    put_varint(&mut out, infos.len() as u64);
    let mut previous: &[u8] = &[];
    for info in infos {
        let shared = common_prefix(previous, &info.first_key);
        out.extend_from_slice(&info.hash);
        let unshared = info.first_key.len() - shared;
        let closed = u64::from(info.closed);
        for number in [info.entries * 2 + closed, info.key_bytes, info.value_bytes, shared as u64, unshared as u64] {
            put_varint(&mut out, number);
        }
        out.extend_from_slice(&info.first_key[shared..]);
        previous = &info.first_key;
    }
    out
}

pub(super) fn parse(content: &[u8]) -> Result<Vec<BlockInfo>, SstError> {
    let mut reader = Reader::new(content);
    let version = reader.varint()?;
    if version != VERSION {
        return Err(SstError::unsupported(format!("version {version} of the list of blocks")));
    }
    let (target, count) = (reader.varint()?, reader.length()?);
    if count > reader.remaining() / ENTRY_BYTES_MIN {
        return Err(SstError::corrupt("more blocks than the list of blocks has room for"));
    }
    let mut infos: Vec<BlockInfo> = Vec::with_capacity(count);
    let mut expanded = 0;
    for _ in 0..count {
        let info = parse_one(&mut reader, target, infos.last().map_or(&[], |info| &info.first_key))?;
        expanded += info.first_key.len();
        if expanded > EXPANDED_BYTES_MAX {
            return Err(SstError::unsupported(format!("a list of blocks of more than {EXPANDED_BYTES_MAX} bytes")));
        }
        infos.push(info);
    }
    if !reader.is_empty() {
        return Err(SstError::corrupt("bytes behind the list of blocks"));
    }
    Ok(infos)
}

fn parse_one(reader: &mut Reader<'_>, target: u64, previous: &[u8]) -> Result<BlockInfo, SstError> {
    let hash = reader.array()?;
    let (entries, key_bytes, value_bytes) = (reader.varint()?, reader.length()? as u64, reader.length()? as u64);
    let (closed, entries) = (entries & 1 == 1, entries >> 1);
    if entries == 0 || entries > u64::from(u32::MAX) {
        return Err(SstError::corrupt(format!("a block of {entries} entries, in the list of blocks")));
    }
    let shared = reader.length()?;
    let shared = previous.get(..shared).ok_or_else(|| SstError::corrupt("a first key that shares too much"))?;
    let first_key = [shared, reader.prefixed()?].concat();
    Ok(BlockInfo { hash, entries, key_bytes, value_bytes, first_key, closed, target })
}
