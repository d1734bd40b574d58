//! What a virtual merge base has at a key at which the bases that it was merged from conflict: a mark in a record's
//! place. Owns the mark's bytes; `ops/virtual_base` says when one is set. Invariant: a mark has the identity of no record
//! and of no mark of another merge, so that to both sides of a merge the key looks changed. It is never stored where a
//! commit refers to it.

use bytes::Bytes;

use super::record::Value;

/// What identities of marks begin with. Those of records are digests of 20 bytes, or 32 in other software's files: all
/// are shorter.
const PREFIX: &[u8] = b"lakebed: merge bases conflict here";

/// The mark of a merge, by a hash of what was merged.
pub(crate) fn mark(merged: &blake3::Hash) -> Bytes {
    let identity = [PREFIX, merged.as_bytes()].concat();
    Value { identity: &identity, data: &[] }.encode().into()
}

/// Whether a value is the mark of a conflict, and no record.
pub(crate) fn is_mark(value: &[u8]) -> bool {
    Value::parse(value).is_some_and(|value| value.identity.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plain_entry;
    use crate::tree::record::{encode_entry, identity_in};

    #[test]
    fn a_mark_is_no_record_and_no_other_mark() {
        let [one, other] = [b"1", b"2"].map(|merge| mark(&blake3::hash(merge)));
        assert!(is_mark(&one) && is_mark(&other) && identity_in(&one) != identity_in(&other));
        let record = encode_entry(plain_entry(1));
        assert!(!is_mark(&record) && !is_mark(b""));
        assert!(identity_in(&record).len() <= 32 && identity_in(&one).len() > 32);
    }
}
