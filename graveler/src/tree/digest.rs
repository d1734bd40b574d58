//! What a tree holds, as a number that follows each change: trees of one anchor whose digests are equal hold the
//! same, whatever their histories and layers. Owns the sum; `write` follows the changes.
//!
//! The sum is LtHash16 over BLAKE3 (Lewi, Kim, Maykov, Weis: "Securing Update Propagation with Homomorphic Hashing",
//! 2019): each record, its key and identity, is expanded to 1,024 numbers of 16 bits, which are added up; to find two
//! sets of records with one sum is held to be as hard as breaking a lattice problem, some 2¹²⁸ steps and more. Records
//! that are alike to a reader (equal identities) are alike here too.
//! Invariant: adding and taking away commute, so only what is in the set counts.

use model::MetaRangeId;

use super::record::identity_in;

/// Numbers of 16 bits in a sum.
const LANES: usize = 1024;
/// How long a sum is in a file.
pub(crate) const SUM_BYTES: usize = 2 * LANES;

/// How a tree's content differs from its anchor's, as a sum.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    /// The tree without deltas where the sum began, with nothing. It is named and never read.
    pub(crate) anchor: MetaRangeId,
    sum: Box<[u16; LANES]>,
}

impl Digest {
    /// The digest of a tree without deltas.
    pub(crate) fn anchored(anchor: MetaRangeId) -> Self {
        Self { anchor, sum: Box::new([0; LANES]) }
    }

    /// Reads a sum; `None` if it hasn't the right length.
    pub(crate) fn parse(anchor: MetaRangeId, bytes: &[u8]) -> Option<Self> {
        let (lanes, rest) = bytes.as_chunks::<2>();
        let lanes: &[[u8; 2]; LANES] = lanes.try_into().ok().filter(|_| rest.is_empty())?;
        Some(Self { anchor, sum: Box::new(lanes.map(u16::from_le_bytes)) })
    }

    pub(crate) fn sum_bytes(&self) -> Vec<u8> {
        self.sum.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// Follows the change of a key's value.
    pub(crate) fn follow(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        if let Some(before) = before {
            self.add(key, before, u16::wrapping_sub);
        }
        if let Some(after) = after {
            self.add(key, after, u16::wrapping_add);
        }
    }

    fn add(&mut self, key: &[u8], value: &[u8], operation: fn(u16, u16) -> u16) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(identity_in(value));
        let mut expanded = [0; SUM_BYTES];
        hasher.finalize_xof().fill(&mut expanded);
        let (numbers, _) = expanded.as_chunks::<2>();
        for (lane, number) in self.sum.iter_mut().zip(numbers) {
            *lane = operation(*lane, u16::from_le_bytes(*number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plain_entry;
    use crate::tree::record::encode_entry;

    fn digest() -> Digest {
        Digest::anchored(MetaRangeId::from_bytes([1; 32]))
    }

    #[test]
    fn only_what_is_there_counts() {
        let value = |content| encode_entry(plain_entry(content));
        let (one, two) = (value(1), value(2));
        let (mut a, mut b) = (digest(), digest());
        a.follow(b"x", None, Some(&one));
        a.follow(b"y", None, Some(&two));
        b.follow(b"y", None, Some(&one));
        b.follow(b"z", None, Some(&one));
        assert_ne!(a.sum_bytes(), b.sum_bytes());
        b.follow(b"y", Some(&one), Some(&two));
        b.follow(b"x", None, Some(&one));
        assert_ne!(a.sum_bytes(), b.sum_bytes());
        b.follow(b"z", Some(&one), None);
        assert_eq!(a.sum_bytes(), b.sum_bytes());
        assert!(Digest::parse(a.anchor, &a.sum_bytes()) == Some(a.clone()));
        assert!(Digest::parse(a.anchor, &a.sum_bytes()[1..]).is_none());
        // What moves from one key to another, or swaps, is seen.
        let mut c = digest();
        c.follow(b"x", None, Some(&two));
        c.follow(b"y", None, Some(&one));
        assert_ne!(a.sum_bytes(), c.sum_bytes());
    }
}
