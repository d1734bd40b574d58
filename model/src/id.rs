//! Ids: one type per thing, so that one can't stand for another. Owns their text forms; leaves how they are
//! computed to who computes them. Invariant: the text form of an id parses back to the same id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that isn't the id that it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid {kind} {text:?}: expected {expected}")]
pub struct InvalidId {
    kind: &'static str,
    text: String,
    expected: &'static str,
}

impl InvalidId {
    pub(crate) fn new(kind: &'static str, text: &str, expected: &'static str) -> Self {
        Self { kind, text: text.chars().take(64).collect(), expected }
    }
}

/// Makes a content id: 32 bytes of BLAKE3, written as 64 lower-case hex digits.
macro_rules! content_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps the 32 bytes of a digest.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Reads an id from a slice, which must have 32 bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
                bytes.try_into().map(Self).map_err(|_| InvalidId {
                    kind: $kind,
                    text: hex::encode(&bytes[..bytes.len().min(64)]),
                    expected: "32 bytes",
                })
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &hex::encode(self.0)[..12])
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let mut bytes = [0; 32];
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) if !text.bytes().any(|b| b.is_ascii_uppercase()) => Ok(Self(bytes)),
                    _ => Err(InvalidId { kind: $kind, text: text.into(), expected: "64 lower-case hex digits" }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Makes an id that the replicated log hands out: a `u64` that only grows.
macro_rules! log_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

content_id!(
    /// The id of a commit object: BLAKE3 of its encoding.
    CommitId,
    "commit id"
);
content_id!(
    /// The id of a file of a dump of refs: BLAKE3 of its content.
    DumpId,
    "dump id"
);
content_id!(
    /// The id of a range: BLAKE3 over its block hashes.
    RangeId,
    "range id"
);
content_id!(
    /// The id of a metarange, the root of one commit's tree.
    MetaRangeId,
    "metarange id"
);
content_id!(
    /// The BLAKE3 of what a request asks for: the same request has the same one, in all versions.
    JobDigest,
    "job digest"
);
content_id!(
    /// The SHA-256 of what a completion of a multipart upload says: the same request has the same one.
    CompletionDigest,
    "completion digest"
);

log_id!(
    /// A repository's id for ever: a name that is used again gets another one.
    RepositoryUid
);
log_id!(
    /// A branch's id for ever: a name that is used again gets another one. Branches of earlier versions have 0.
    BranchUid
);
log_id!(
    /// Names one generation of a branch's staged entries. A newer token is a larger one.
    StagingToken
);
log_id!(
    /// The log index of a ref's last change.
    Version
);
log_id!(
    /// A user's id for ever: a user made again under an old name gets another one, and none of the old keys.
    UserId
);

/// Makes an id of 16 random bytes, written as 32 lower-case hex digits.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let digits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                let id = u128::from_str_radix(text, 16).ok().filter(|_| digits);
                id.map(Self).ok_or_else(|| InvalidId::new($kind, text, "32 lower-case hex digits"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

random_id!(
    /// Names an installation: one metadata service with all that serve from it.
    InstallationId,
    "installation id"
);
random_id!(
    /// Names the object store of an installation, so that no other is taken for it.
    StoreId,
    "store id"
);

/// Names one multipart upload; opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub u64);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for UploadId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Self).ok_or_else(|| InvalidId {
            kind: "upload id",
            text: text.into(),
            expected: "16 lower-case hex digits",
        })
    }
}

/// Names one session: a short-lived proof of who calls. 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u128);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| digits).map(Self).ok_or_else(|| InvalidId {
            kind: "session id",
            text: text.chars().take(100).collect(),
            expected: "32 lower-case hex digits",
        })
    }
}

/// Names one request of a client, so that its retry isn't carried out twice. 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u128);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
