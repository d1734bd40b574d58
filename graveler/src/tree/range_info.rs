//! What a metarange says of a range, or of another metarange under it. Owns the encoding, which is that of any record:
//! the last key, the id as identity, and a message whose first fields are lakeFS's. Invariant: a reader that meets
//! ranges which it doesn't understand (of another level, or overlapping) says so instead of reading past them.

use model::{MetaRangeId, RangeId};
use prost::Message;
use storage::Immutable;

use super::record::Value;

/// Metaranges lie at most so deep: far more than any tree needs.
const HEIGHT_MAX: u32 = 16;

/// A range, or a metarange under another, as the metarange above describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeInfo {
    /// Its file.
    pub(crate) object: Immutable,
    /// 0 is a range; a metarange is one higher than what it lists.
    pub(crate) height: u32,
    /// How often what is in a delta was written by now; 0 is none, but a part of a base or of a delta.
    pub(crate) level: u32,
    /// Its first key.
    pub(crate) first_key: Vec<u8>,
    /// Its last key.
    pub(crate) last_key: Vec<u8>,
    /// How many records lie in it or under it.
    pub(crate) entries: u64,
    /// How long its file is.
    pub(crate) bytes: u64,
    /// How much of the file's end holds all but data blocks.
    pub(crate) tail_length: u32,
}

/// Why a metarange's record can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadRange {
    /// The record is damaged.
    Corrupt(String),
    /// The record is sound and speaks of something that this version doesn't read.
    Unsupported(String),
}

/// The first four fields are lakeFS's (`min_key`, `max_key`, `estimated_size`, `count`).
#[derive(Clone, PartialEq, Message)]
struct RangeMessage {
    #[prost(bytes = "vec", tag = "1")]
    first_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    last_key: Vec<u8>,
    #[prost(uint64, tag = "3")]
    bytes: u64,
    #[prost(uint64, tag = "4")]
    entries: u64,
    #[prost(uint32, tag = "5")]
    tail_length: u32,
    #[prost(uint32, tag = "6")]
    level: u32,
    #[prost(uint32, tag = "7")]
    height: u32,
}

impl RangeInfo {
    /// Encodes the value of the record whose key is the last key.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let message = RangeMessage {
            first_key: self.first_key.clone(),
            last_key: self.last_key.clone(),
            bytes: self.bytes,
            entries: self.entries,
            tail_length: self.tail_length,
            level: self.level,
            height: self.height,
        };
        Value { identity: self.id(), data: &message.encode_to_vec() }.encode()
    }

    fn id(&self) -> &[u8] {
        match &self.object {
            Immutable::Range(id) => id.as_bytes(),
            Immutable::MetaRange(id) => id.as_bytes(),
            Immutable::Commit(id) => id.as_bytes(),
        }
    }

    /// Decodes a metarange's record.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self, BadRange> {
        let info = Self::decode_value(value)?;
        if info.level > 0 {
            let what = format!("a range of level {} (a delta over other ranges) among its ranges", info.level);
            return Err(BadRange::Unsupported(what));
        }
        if info.last_key != key {
            return Err(BadRange::Corrupt("a range's last key doesn't fit its place".into()));
        }
        Ok(info)
    }

    /// Decodes what is said of a range or metarange that isn't found by its last key.
    pub(crate) fn decode_value(value: &[u8]) -> Result<Self, BadRange> {
        let corrupt = |why: String| BadRange::Corrupt(why);
        let value = Value::parse(value).ok_or_else(|| corrupt("a range's record is cut short".into()))?;
        let message = RangeMessage::decode(value.data).map_err(|e| corrupt(format!("a range's record: {e}")))?;
        if message.first_key > message.last_key {
            return Err(corrupt("a range's first key is larger than its last".into()));
        }
        let object = match message.height {
            0 => RangeId::from_slice(value.identity).map(Immutable::Range),
            1..=HEIGHT_MAX => MetaRangeId::from_slice(value.identity).map(Immutable::MetaRange),
            height => return Err(BadRange::Unsupported(format!("a metarange of height {height}"))),
        };
        Ok(Self {
            object: object.map_err(|e| corrupt(e.to_string()))?,
            height: message.height,
            level: message.level,
            first_key: message.first_key,
            last_key: message.last_key,
            entries: message.entries,
            bytes: message.bytes,
            tail_length: message.tail_length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> RangeInfo {
        RangeInfo {
            object: Immutable::Range(RangeId::from_bytes([7; 32])),
            height: 0,
            level: 0,
            first_key: b"a".to_vec(),
            last_key: b"m".to_vec(),
            entries: 3,
            bytes: 900,
            tail_length: 300,
        }
    }

    #[test]
    fn records_read_back() {
        assert_eq!(RangeInfo::decode(b"m", &info().encode()), Ok(info()));
        assert!(matches!(RangeInfo::decode(b"n", &info().encode()), Err(BadRange::Corrupt(_))));
    }

    /// What others depend on: if this fails, the ids of all trees change.
    #[test]
    fn a_known_range_has_known_bytes() {
        let data = [0x0a, 1, b'a', 0x12, 1, b'm', 0x18, 0x84, 0x07, 0x20, 3, 0x28, 0xac, 0x02];
        assert_eq!(info().encode(), [&[64][..], &[7; 32], &[28], &data].concat());
    }

    #[test]
    fn records_of_metaranges_read_back() {
        let object = Immutable::MetaRange(MetaRangeId::from_bytes([7; 32]));
        let info = RangeInfo { object, height: 2, ..info() };
        assert_eq!(RangeInfo::decode(b"m", &info.encode()), Ok(info.clone()));
        let too_high = RangeInfo { height: HEIGHT_MAX + 1, ..info };
        assert!(matches!(RangeInfo::decode(b"m", &too_high.encode()), Err(BadRange::Unsupported(_))));
    }

    #[test]
    fn a_range_of_another_level_is_refused_clearly() {
        let message = RangeMessage { last_key: b"m".to_vec(), level: 1, ..RangeMessage::default() };
        let value = Value { identity: &[7; 32], data: &message.encode_to_vec() }.encode();
        assert_eq!(RangeInfo::decode_value(&value).unwrap().level, 1);
        assert!(
            matches!(RangeInfo::decode(b"m", &value), Err(BadRange::Unsupported(what)) if what.contains("level 1"))
        );
    }
}
