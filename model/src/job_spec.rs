//! What a request that is carried out once asks for, as it is kept under its idempotency key. Owns when two are the same. The metadata
//! service reads no more of it. Invariant: a later version encodes requests otherwise, but digests them alike.

use serde::{Deserialize, Serialize};

use crate::JobDigest;

/// A request, as the API server that took it encodes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Which encoding the message has; 0 of those that were kept before encodings had versions.
    pub version: u32,
    /// The encoded request.
    pub message: Vec<u8>,
    /// The digest of what is asked for; none before versions.
    pub digest: Option<JobDigest>,
}

impl JobSpec {
    /// Whether both ask for the same, so that one is a retry of the other.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        match (self.digest, other.digest) {
            (Some(this), Some(other)) => this == other,
            // Of two of which one has no digest, nothing is known but the encodings.
            _ => self.message == other.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_decide_and_without_them_encodings_do() {
        let spec = |version, message: &[u8], digest: Option<u8>| JobSpec {
            version,
            message: message.to_vec(),
            digest: digest.map(|byte| JobDigest::from_bytes([byte; 32])),
        };
        assert!(spec(1, b"a", Some(1)).asks_the_same(&spec(2, b"b", Some(1))), "a later encoding of the same");
        assert!(!spec(1, b"a", Some(1)).asks_the_same(&spec(1, b"a", Some(2))));
        assert!(spec(0, b"a", None).asks_the_same(&spec(1, b"a", Some(1))), "it was kept before versions");
        assert!(!spec(0, b"a", None).asks_the_same(&spec(1, b"b", Some(1))));
    }
}
