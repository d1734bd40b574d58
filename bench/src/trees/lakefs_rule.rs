//! What lakeFS would write for a commit, by the rule that its documentation and configuration describe: replayed over
//! the same keys, to compare bytes and ranges. Invariant: where the model is in doubt, it counts fewer bytes for lakeFS.
//!
//! The rule: a range is closed after a key whose hash is 0 modulo 50,000 (so lengths are geometric), or when its file
//! has reached 20 MiB. A commit copies a range's id when no change falls into it, and rewrites it entry by entry
//! otherwise; a rewritten range is closed where the next one is reused. It writes one metarange that lists all ranges.
//! Changes here are of existing keys, so cuts stay where they are. What an entry takes in its files is measured: RocksDB
//! writes the same records with snappy and 4 KiB blocks (127 B an entry on real metadata). A line of the metarange takes
//! two keys, an id and three numbers.

use super::synthetic::{Objects, mix};

/// Entries of a range on average.
const RAGGEDNESS: u64 = 50_000;
/// So that cuts have nothing to do with what else is made of an object's number.
const HASH_SEED: u64 = 0x6c61_6b65_6673_2e31;
/// A file that is as large is closed.
const RANGE_BYTES_MAX: f64 = 20.0 * 1024.0 * 1024.0;
/// What a range takes in a metarange, compressed: its last key, its id, its first and last key again, and numbers.
const RANGE_LINE_BYTES: f64 = 160.0;

/// The ranges of a tree of the first so many objects.
pub(crate) struct LakefsTree {
    /// Numbers of the objects after which a range ends.
    ends: Vec<u64>,
    /// What an entry takes in a file.
    pub(crate) entry_bytes: f64,
}

/// What a commit would write.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Written {
    pub(crate) ranges: u64,
    pub(crate) bytes: f64,
}

impl LakefsTree {
    /// Cuts the tree.
    pub(crate) fn new(entries: u64, entry_bytes: f64) -> Self {
        let entries_max = (RANGE_BYTES_MAX / entry_bytes) as u64;
        let (mut ends, mut begun) = (Vec::new(), 0);
        for number in 0..entries {
            // A key is as good as its number here: any hash of the one is a hash of the other.
            if number - begun >= entries_max || mix(number ^ HASH_SEED).is_multiple_of(RAGGEDNESS) {
                ends.push(number);
                begun = number + 1;
            }
        }
        if begun < entries {
            ends.push(entries - 1);
        }
        Self { ends, entry_bytes }
    }

    /// A commit of new versions of some objects.
    pub(crate) fn commit(&self, changed: Objects) -> Written {
        let (mut written, mut passed) = (Written::default(), None);
        for number in changed {
            let range = self.ends.partition_point(|end| *end < number);
            if passed == Some(range) {
                continue;
            }
            passed = Some(range);
            let begun = range.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
            written.ranges += 1;
            written.bytes += (self.ends[range] + 1 - begun) as f64 * self.entry_bytes;
        }
        written.bytes += self.ends.len() as f64 * RANGE_LINE_BYTES;
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_the_mean_that_the_rule_has() {
        let tree = LakefsTree::new(2_000_000, 127.0);
        assert!((25..60).contains(&tree.ends.len()), "{}", tree.ends.len());
        assert!(tree.ends.is_sorted() && tree.ends.last() == Some(&1_999_999));
    }

    #[test]
    fn a_commit_rewrites_what_it_touches() {
        let tree = LakefsTree { ends: vec![9, 19, 39], entry_bytes: 100.0 };
        let lines = 3.0 * RANGE_LINE_BYTES;
        assert_eq!(tree.commit(Objects::run(3..5, 1)), Written { ranges: 1, bytes: 1000.0 + lines });
        assert_eq!(tree.commit(Objects::run(9..21, 1)), Written { ranges: 3, bytes: 4000.0 + lines });
    }
}
