//! Records: what a range keeps at a path. Owns the encoding of values; the SSTable owns that of keys.
//!
//! A value is identity ‖ data, each with its length before it; data is a protobuf message with lakeFS's field numbers,
//! so that its records decode too. Invariant: an identity is only ever compared, never computed again from the data,
//! since other software computes it in its own way.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{Address, Checksum, ChecksumAlgorithm, ChecksumKind, Entry, PartRun, PartSizes, Timestamp};
use prost::Message;

/// A value's two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// Digest of what a reader of the object sees.
    pub(crate) identity: &'a [u8],
    /// The encoded entry.
    pub(crate) data: &'a [u8],
}

impl<'a> Value<'a> {
    /// Splits a value; `None` if it is none. Bytes after the data are left alone, as lakeFS does.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (identity, rest) = split_prefixed(bytes)?;
        let (data, _) = split_prefixed(rest)?;
        Some(Self { identity, data })
    }

    /// Puts a value together.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.identity.len() + self.data.len() + 6);
        push_prefixed(&mut out, self.identity);
        push_prefixed(&mut out, self.data);
        out
    }
}

/// Encodes an entry as a record's value. Takes the entry, since commits encode millions and copies of texts would cost
/// as much as all the rest.
pub(crate) fn encode_entry(entry: Entry) -> Bytes {
    let identity = entry.identity().0;
    let message = EntryMessage::from(entry);
    let length = message.encoded_len();
    let mut out = Vec::with_capacity(identity.len() + length + 6);
    push_prefixed(&mut out, &identity);
    push_length(&mut out, length);
    message.encode_raw(&mut out);
    out.into()
}

/// Decodes a record's value; says what is wrong with one that can't be.
pub(crate) fn decode_entry(value: &[u8]) -> Result<Entry, String> {
    let value = Value::parse(value).ok_or("a record's value is cut short")?;
    let message = EntryMessage::decode(value.data).map_err(|e| format!("a record's entry can't be decoded: {e}"))?;
    message.try_into()
}

/// The identity in a value, if there is one; of a value that can't be split, all of it.
pub(crate) fn identity_of(value: Option<&Bytes>) -> Option<&[u8]> {
    value.map(|value| identity_in(value))
}

/// The identity in a value; of one that can't be split, all of it.
pub(crate) fn identity_in(value: &[u8]) -> &[u8] {
    Value::parse(value).map_or(value, |value| value.identity)
}

/// What a delta has at a key that the layers under it may have, and its tree hasn't: no value is so short.
pub(crate) const TOMBSTONE: &[u8] = b"";

/// Lengths are zigzag varints, as Go's `binary.PutVarint` writes them.
fn push_length(out: &mut Vec<u8>, length: usize) {
    prost::encoding::encode_varint((length as u64) << 1, out);
}

fn push_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    push_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn split_prefixed(mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zigzag = prost::encoding::decode_varint(&mut bytes).ok()?;
    let length = usize::try_from(zigzag >> 1).ok().filter(|_| zigzag & 1 == 0)?;
    bytes.split_at_checked(length)
}

#[derive(Clone, PartialEq, Message)]
struct TimeMessage {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// `address_type` 0 is an old form of lakeFS's, which tells by the address itself.
#[derive(Clone, PartialEq, Message)]
struct EntryMessage {
    #[prost(string, tag = "1")]
    address: String,
    #[prost(message, optional, tag = "2")]
    last_modified: Option<TimeMessage>,
    #[prost(int64, tag = "3")]
    size: i64,
    #[prost(string, tag = "4")]
    e_tag: String,
    #[prost(btree_map = "string, string", tag = "5")]
    metadata: BTreeMap<String, String>,
    #[prost(int32, tag = "6")]
    address_type: i32,
    #[prost(string, tag = "7")]
    content_type: String,
    #[prost(btree_map = "string, string", tag = "8")]
    headers: BTreeMap<String, String>,
    #[prost(message, optional, tag = "9")]
    checksum: Option<ChecksumMessage>,
    #[prost(message, repeated, tag = "10")]
    parts: Vec<PartRunMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct PartRunMessage {
    #[prost(uint32, tag = "1")]
    count: u32,
    #[prost(uint64, tag = "2")]
    bytes: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ChecksumMessage {
    #[prost(uint32, tag = "1")]
    algorithm: u32,
    #[prost(uint32, tag = "2")]
    kind: u32,
    #[prost(string, tag = "3")]
    value: String,
}

const BY_FORM: i32 = 0;
const RELATIVE: i32 = 1;
const FULL: i32 = 2;

/// The numbers of digests and of what they cover; 0 is none.
const ALGORITHMS: [(u32, ChecksumAlgorithm); 10] = [
    (1, ChecksumAlgorithm::Crc32),
    (2, ChecksumAlgorithm::Crc32c),
    (3, ChecksumAlgorithm::Crc64Nvme),
    (4, ChecksumAlgorithm::Sha1),
    (5, ChecksumAlgorithm::Sha256),
    (6, ChecksumAlgorithm::Sha512),
    (7, ChecksumAlgorithm::Md5),
    (8, ChecksumAlgorithm::Xxhash64),
    (9, ChecksumAlgorithm::Xxhash3),
    (10, ChecksumAlgorithm::Xxhash128),
];
const KINDS: [(u32, ChecksumKind); 2] = [(1, ChecksumKind::FullObject), (2, ChecksumKind::Composite)];

impl From<Entry> for EntryMessage {
    fn from(entry: Entry) -> Self {
        let (address_type, address) = match entry.address {
            Address::Relative(text) => (RELATIVE, text),
            Address::Full(text) => (FULL, text),
        };
        let millis = entry.last_modified.as_millis();
        let nanos = millis.rem_euclid(1000) as i32 * 1_000_000;
        Self {
            address,
            last_modified: Some(TimeMessage { seconds: millis.div_euclid(1000), nanos }),
            size: i64::try_from(entry.size).unwrap_or(i64::MAX),
            e_tag: entry.e_tag,
            metadata: entry.metadata,
            address_type,
            content_type: entry.content_type,
            headers: entry.headers,
            checksum: entry.checksum.map(ChecksumMessage::from),
            parts: entry.parts.as_ref().map(part_runs).unwrap_or_default(),
        }
    }
}

impl TryFrom<EntryMessage> for Entry {
    type Error = String;

    fn try_from(message: EntryMessage) -> Result<Self, String> {
        let address = match message.address_type {
            BY_FORM if message.address.contains("://") => Address::Full(message.address),
            BY_FORM | RELATIVE => Address::Relative(message.address),
            FULL => Address::Full(message.address),
            other => return Err(format!("a record's address has the unknown type {other}")),
        };
        let time = message.last_modified.unwrap_or_default();
        let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000);
        Ok(Self {
            address,
            last_modified: Timestamp::from_millis(millis),
            size: u64::try_from(message.size).map_err(|_| format!("a record's size is {}", message.size))?,
            e_tag: message.e_tag,
            content_type: message.content_type,
            metadata: message.metadata,
            headers: message.headers,
            checksum: message.checksum.map(Checksum::try_from).transpose()?,
            parts: part_sizes(message.parts)?,
        })
    }
}

fn part_runs(parts: &PartSizes) -> Vec<PartRunMessage> {
    parts.runs().iter().map(|PartRun { count, bytes }| PartRunMessage { count: *count, bytes: *bytes }).collect()
}

fn part_sizes(runs: Vec<PartRunMessage>) -> Result<Option<PartSizes>, String> {
    if runs.is_empty() {
        return Ok(None);
    }
    let runs = runs.into_iter().map(|run| PartRun { count: run.count, bytes: run.bytes }).collect();
    PartSizes::from_runs(runs).map(Some).map_err(|why| format!("a record's parts can't be: {why}"))
}

impl From<Checksum> for ChecksumMessage {
    fn from(checksum: Checksum) -> Self {
        let algorithm = ALGORITHMS.iter().find(|(_, a)| *a == checksum.algorithm);
        let kind = KINDS.iter().find(|(_, k)| *k == checksum.kind);
        Self {
            algorithm: algorithm.map_or(0, |(number, _)| *number),
            kind: kind.map_or(0, |(number, _)| *number),
            value: checksum.value,
        }
    }
}

impl TryFrom<ChecksumMessage> for Checksum {
    type Error = String;

    fn try_from(message: ChecksumMessage) -> Result<Self, String> {
        let algorithm = ALGORITHMS.iter().find(|(number, _)| *number == message.algorithm);
        let kind = KINDS.iter().find(|(number, _)| *number == message.kind);
        match (algorithm, kind) {
            (Some((_, algorithm)), Some((_, kind))) => {
                Ok(Self { algorithm: *algorithm, kind: *kind, value: message.value })
            }
            _ => Err(format!("a record's checksum is of unknown kind {}/{}", message.algorithm, message.kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            address: Address::Relative("data/p/x".into()),
            last_modified: Timestamp::from_millis(-1),
            size: 7,
            e_tag: "abc".into(),
            content_type: "text/plain".into(),
            metadata: BTreeMap::from([("k".into(), "v".into())]),
            headers: BTreeMap::from([("cache-control".into(), "no-store".into())]),
            checksum: Some(Checksum {
                algorithm: ChecksumAlgorithm::Crc64Nvme,
                kind: ChecksumKind::Composite,
                value: "x-2".into(),
            }),
            parts: PartSizes::of([5, 2]),
        }
    }

    #[test]
    fn entries_read_back() {
        let full = Entry { address: Address::Full("s3://b/k".into()), checksum: None, parts: None, ..entry() };
        for entry in [entry(), full] {
            let value = encode_entry(entry.clone());
            assert_eq!(Value::parse(&value).unwrap().identity, entry.identity().0);
            assert_eq!(decode_entry(&value), Ok(entry));
        }
    }

    #[test]
    fn a_foreign_record_decodes() {
        // Identity of 3 bytes (zigzag length 6); then address "x" of the old type, size 5, ETag "e".
        let value = [6, 1, 2, 3, 16, 0x0a, 1, b'x', 0x18, 5, 0x22, 1, b'e'];
        let decoded = decode_entry(&value).unwrap();
        assert_eq!(Value::parse(&value).unwrap().identity, [1, 2, 3]);
        assert_eq!((decoded.address, decoded.size, decoded.e_tag.as_str()), (Address::Relative("x".into()), 5, "e"));
    }

    #[test]
    fn parts_that_cannot_be_are_an_error() {
        let message = EntryMessage { parts: vec![PartRunMessage { count: 0, bytes: 1 }], ..entry().into() };
        let value = Value { identity: &[1], data: &message.encode_to_vec() }.encode();
        assert!(decode_entry(&value).unwrap_err().contains("parts"));
    }

    #[test]
    fn a_value_cut_short_is_an_error() {
        let value = encode_entry(entry());
        for length in 0..value.len() {
            assert!(decode_entry(&value[..length]).is_err(), "{length}");
        }
    }
}
