//! The types that openraft is told to use. Owns [`TypeConfig`], its aliases, and [`Proposal`]: a command with the
//! leader's time, as it goes through the log. Invariant: a proposal's bytes decode to its command and time.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use model::{Command, Outcome, Timestamp};
use openraft::impls::BasicNode;
use proto::metadata::{Stamped, decode_command, encode_command};
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// Lakebed's Raft: commands in, outcomes out, on tokio.
    pub(crate) TypeConfig:
        D = Proposal,
        R = Outcome,
        NodeId = u64,
        Node = BasicNode,
);

pub(crate) type CommittedLeader = openraft::impls::leader_id_adv::LeaderId<u64, u64>;
pub(crate) type LogId = openraft::LogId<CommittedLeader>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;

/// A command stamped with the leader's time, encoded once; cheap to clone.
#[derive(Clone)]
pub(crate) struct Proposal(Arc<Inner>);

struct Inner {
    stamped: Stamped,
    bytes: Bytes,
}

impl Proposal {
    /// Stamps and encodes a command.
    pub(crate) fn new(at: Timestamp, command: Command) -> Self {
        let stamped = Stamped { time: at, command };
        let bytes = encode_command(&stamped).into();
        Self(Arc::new(Inner { stamped, bytes }))
    }

    /// Reads a proposal back from the log; the error says what is wrong.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let stamped = decode_command(bytes).map_err(|e| e.to_string())?;
        Ok(Self(Arc::new(Inner { stamped, bytes: Bytes::copy_from_slice(bytes) })))
    }

    /// The encoded form.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The command and its time, without a copy if this was the last owner.
    pub(crate) fn into_parts(self) -> (Timestamp, Command) {
        let stamped = match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.stamped,
            Err(shared) => shared.stamped.clone(),
        };
        (stamped.time, stamped.command)
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.0.stamped.command, self.0.stamped.time)
    }
}

impl fmt::Debug for Proposal {
    /// As `Display`: never a user's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Proposal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.bytes())
    }
}

impl<'de> Deserialize<'de> for Proposal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}
