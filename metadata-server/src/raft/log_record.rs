//! How the Raft log lies on disk: keys and records. Owns their bytes; `log_writer` writes them, `log_store` reads
//! them. Invariant: keys of one group sort by log index, so that the log is one range of the key space.
//!
//! Keys: `group u32 | 'l' | index u64` is an entry; `group | 'v'` the vote, `group | 'p'` the last purged log id and
//! `group | 'i'` whose log it is. Integers are big-endian. An entry's record is
//! `version u8 | term u64 | node u64 | kind u8 | payload`.

use std::io;

use openraft::entry::RaftEntry;
use openraft::{EntryPayload, Membership};

use super::types::{CommittedLeader, Entry, LogId, Proposal};

/// The one Raft group of this release; every key has it, so that more can come.
pub(crate) const GROUP: u32 = 0;

/// The layout of a record that this code writes and reads.
const RECORD_VERSION: u8 = 1;
/// Bytes before the payload.
const HEADER_BYTES: usize = 1 + 8 + 8 + 1;

/// The key of the entry at an index.
pub(crate) fn entry_key(index: u64) -> [u8; 13] {
    let mut key = [0; 13];
    key[..4].copy_from_slice(&GROUP.to_be_bytes());
    key[4] = b'l';
    key[5..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The key after all entries.
pub(crate) fn entries_end() -> [u8; 5] {
    single_key(b'l' + 1)
}

/// The log index in an entry's key, or `None` if it is another key.
pub(crate) fn index_of(key: &[u8]) -> Option<u64> {
    let index = key.strip_prefix(&single_key(b'l'))?;
    Some(u64::from_be_bytes(index.try_into().ok()?))
}

/// The key of the vote.
pub(crate) fn vote_key() -> [u8; 5] {
    single_key(b'v')
}

/// The key of the last purged log id.
pub(crate) fn purged_key() -> [u8; 5] {
    single_key(b'p')
}

/// The key of the identity: whose log this is.
pub(crate) fn identity_key() -> [u8; 5] {
    single_key(b'i')
}

fn single_key(kind: u8) -> [u8; 5] {
    let [a, b, c, d] = GROUP.to_be_bytes();
    [a, b, c, d, kind]
}

/// Encodes an entry but its index, which is in the key.
pub(crate) fn encode(entry: &Entry) -> Vec<u8> {
    let membership;
    let (kind, payload): (u8, &[u8]) = match &entry.payload {
        EntryPayload::Blank => (0, &[]),
        EntryPayload::Normal(proposal) => (1, proposal.bytes()),
        EntryPayload::Membership(value) => {
            membership = serde_json::to_vec(value).expect("because a membership has only plain fields");
            (2, &membership)
        }
    };
    let mut record = Vec::with_capacity(HEADER_BYTES + payload.len());
    record.push(RECORD_VERSION);
    record.extend_from_slice(&entry.log_id.leader_id.term.to_be_bytes());
    record.extend_from_slice(&entry.log_id.leader_id.node_id.to_be_bytes());
    record.push(kind);
    record.extend_from_slice(payload);
    record
}

/// Decodes the entry at an index.
pub(crate) fn decode(index: u64, record: &[u8]) -> io::Result<Entry> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("log entry {index}: {why}"));
    let (header, payload) = record
        .split_at_checked(HEADER_BYTES)
        .ok_or_else(|| invalid(format!("{} bytes are too few for a record", record.len())))?;
    if header[0] != RECORD_VERSION {
        return Err(invalid(format!(
            "its layout is version {}, this program reads version {RECORD_VERSION}: start the release that wrote it",
            header[0]
        )));
    }
    let number = |at: usize| u64::from_be_bytes(header[at..at + 8].try_into().expect("because the slice has 8 bytes"));
    let log_id = LogId::new(CommittedLeader { term: number(1), node_id: number(9) }, index);
    match header[17] {
        0 => Ok(Entry::new_blank(log_id)),
        1 => Ok(Entry::new_normal(log_id, Proposal::decode(payload).map_err(invalid)?)),
        2 => {
            let membership: Membership<u64, openraft::impls::BasicNode> =
                serde_json::from_slice(payload).map_err(|e| invalid(format!("its membership is unreadable: {e}")))?;
            Ok(Entry::new_membership(log_id, membership))
        }
        kind => Err(invalid(format!("kind {kind} is unknown"))),
    }
}

/// Roughly what an entry takes in memory and in the log.
pub(crate) fn size_of(entry: &Entry) -> usize {
    const OVERHEAD_BYTES: usize = 128;
    match &entry.payload {
        EntryPayload::Normal(proposal) => proposal.bytes().len() * 2 + OVERHEAD_BYTES,
        EntryPayload::Blank | EntryPayload::Membership(_) => OVERHEAD_BYTES,
    }
}
