//! Commit objects as files. Owns their encoding, a protobuf message whose BLAKE3 is the commit's id.
//! Invariant: bytes that don't hash to the id aren't taken for the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Commit, CommitId, MetaRangeId, Timestamp};
use prost::Message;
use storage::Immutable;

use crate::Error;
use crate::tree::Files;

/// The encoding's version; a reader refuses newer ones.
const VERSION: u32 = 1;

#[derive(Clone, PartialEq, Message)]
struct CommitMessage {
    /// Empty for the empty tree.
    #[prost(bytes = "vec", tag = "1")]
    metarange: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    parents: Vec<Vec<u8>>,
    #[prost(uint64, tag = "3")]
    generation: u64,
    #[prost(string, tag = "4")]
    committer: String,
    #[prost(string, tag = "5")]
    message: String,
    #[prost(int64, tag = "6")]
    created_at_millis: i64,
    #[prost(btree_map = "string, string", tag = "7")]
    metadata: BTreeMap<String, String>,
    #[prost(uint32, tag = "15")]
    version: u32,
}

/// Encodes a commit, and computes its id.
pub(crate) fn encode(commit: &Commit) -> (CommitId, Vec<u8>) {
    let message = CommitMessage {
        metarange: commit.metarange.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        parents: commit.parents.iter().map(|id| id.as_bytes().to_vec()).collect(),
        generation: commit.generation,
        committer: commit.committer.clone(),
        message: commit.message.clone(),
        created_at_millis: commit.created_at.as_millis(),
        metadata: commit.metadata.clone(),
        version: VERSION,
    };
    let bytes = message.encode_to_vec();
    (CommitId::from_bytes(*blake3::hash(&bytes).as_bytes()), bytes)
}

/// Why bytes aren't the commit that they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadCommit {
    Corrupt(String),
    Unsupported(String),
}

/// Decodes the commit of an id.
pub(crate) fn decode(id: CommitId, bytes: &[u8]) -> Result<Commit, BadCommit> {
    let corrupt = |why: String| BadCommit::Corrupt(why);
    if blake3::hash(bytes).as_bytes() != id.as_bytes() {
        return Err(corrupt("its content isn't what its name says".into()));
    }
    let message = CommitMessage::decode(bytes).map_err(|e| corrupt(e.to_string()))?;
    if message.version != VERSION {
        return Err(BadCommit::Unsupported(format!("a commit of version {}", message.version)));
    }
    let parents = message.parents.iter().map(|id| CommitId::from_slice(id)).collect::<Result<_, _>>();
    let metarange = match message.metarange.as_slice() {
        [] => None,
        id => Some(MetaRangeId::from_slice(id).map_err(|e| corrupt(e.to_string()))?),
    };
    Ok(Commit {
        metarange,
        parents: parents.map_err(|e| corrupt(e.to_string()))?,
        generation: message.generation,
        committer: message.committer,
        message: message.message,
        created_at: Timestamp::from_millis(message.created_at_millis),
        metadata: message.metadata,
    })
}

/// Reads a commit that something refers to; cached.
pub(crate) async fn read_commit(files: &Files, id: CommitId) -> Result<Arc<Commit>, Error> {
    let commits = &files.caches.commits;
    let key = files.commit_key(id);
    if let Some(commit) = commits.get(&key) {
        return Ok(commit);
    }
    let files = files.clone();
    let read = || async move {
        let object = Immutable::Commit(id);
        let bytes = files.get(object).await?;
        decode(id, &bytes).map(Arc::new).map_err(|bad| match bad {
            BadCommit::Corrupt(why) => files.corrupt(object, &why),
            BadCommit::Unsupported(what) => files.unsupported(object, what),
        })
    };
    commits.get_or_load(key, read).await
}

/// Writes a commit, and keeps it in memory: it is read next; returns its id.
pub(crate) async fn write_commit(files: &Files, commit: &Commit) -> Result<CommitId, Error> {
    let (id, bytes) = encode(commit);
    files.put(Immutable::Commit(id), bytes.into()).await?;
    files.caches.commits.insert(files.commit_key(id), Arc::new(commit.clone()));
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> Commit {
        Commit {
            metarange: Some(MetaRangeId::from_bytes([1; 32])),
            parents: vec![CommitId::from_bytes([2; 32]), CommitId::from_bytes([3; 32])],
            generation: 9,
            committer: "ann".into(),
            message: "first load".into(),
            created_at: Timestamp::from_millis(1_790_000_000_123),
            metadata: BTreeMap::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
        }
    }

    #[test]
    fn a_commit_reads_back_under_its_id() {
        for commit in [commit(), Commit { metarange: None, parents: vec![], ..commit() }] {
            let (id, bytes) = encode(&commit);
            assert_eq!(decode(id, &bytes), Ok(commit));
        }
    }

    #[test]
    fn the_id_of_a_commit_stays_the_same_for_ever() {
        let (id, _) = encode(&commit());
        assert_eq!(id.to_string(), "70a742e9c3e67178a3acceb43bf3b03a3027cd07f2e24349edd7444450722646");
    }

    #[test]
    fn every_flipped_byte_is_seen() {
        let (id, bytes) = encode(&commit());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(matches!(decode(id, &damaged), Err(BadCommit::Corrupt(_))));
        }
    }
}
