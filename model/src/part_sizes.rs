//! How large the parts were that an object was uploaded in, so that a reader can ask for one of them. Owns the compact form:
//! runs of parts of one size, since nearly all uploads have equal parts and a last one. Invariant: no part is missing, none
//! is there twice, and the form is bounded, whatever was uploaded.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::PART_NUMBER_MAX;

/// How many runs are kept at most: an entry travels in pages of a thousand. The sizes of an object with more changes of
/// size than that aren't kept.
pub const PART_RUNS_MAX: usize = 128;

/// Parts of one size, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartRun {
    /// How many; at least one.
    pub count: u32,
    /// Bytes of each.
    pub bytes: u64,
}

/// The sizes of an object's parts, in their order. Parts count from 1, whatever numbers they were uploaded under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartSizes(Vec<PartRun>);

/// Runs that can be no object's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an object has 1 to {PART_NUMBER_MAX} parts, in at most {PART_RUNS_MAX} runs of one or more")]
pub struct InvalidParts;

impl PartSizes {
    /// Takes the sizes of parts; `None` if there are none, or if they change too often to be kept.
    pub fn of(sizes: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut runs: Vec<PartRun> = Vec::new();
        for bytes in sizes {
            let full = runs.len() == PART_RUNS_MAX;
            match runs.last_mut() {
                Some(run) if run.bytes == bytes => run.count += 1,
                _ if full => return None,
                _ => runs.push(PartRun { count: 1, bytes }),
            }
        }
        Self::from_runs(runs).ok()
    }

    /// Takes runs as they were kept.
    pub fn from_runs(runs: Vec<PartRun>) -> Result<Self, InvalidParts> {
        let parts: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
        let is_bounded = runs.len() <= PART_RUNS_MAX && (1..=u64::from(PART_NUMBER_MAX)).contains(&parts);
        let bytes = runs.iter().try_fold(0_u64, |sum, run| sum.checked_add(run.bytes.checked_mul(run.count.into())?));
        match is_bounded && bytes.is_some() && runs.iter().all(|run| run.count > 0) {
            true => Ok(Self(runs)),
            false => Err(InvalidParts),
        }
    }

    /// The runs.
    pub fn runs(&self) -> &[PartRun] {
        &self.0
    }

    /// How many parts there are.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|run| run.count).sum()
    }

    /// Where a part's bytes are in the object, by its number, from 1; `None` after the last.
    pub fn range(&self, number: u32) -> Option<Range<u64>> {
        let (mut before, mut start) = (number.checked_sub(1)?, 0);
        for run in &self.0 {
            if before < run.count {
                let from = start + u64::from(before) * run.bytes;
                return Some(from..from + run.bytes);
            }
            before -= run.count;
            start += u64::from(run.count) * run.bytes;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_part_is_where_its_bytes_are(sizes in prop::collection::vec(0..4_u64, 1..60)) {
            let parts = PartSizes::of(sizes.iter().copied()).unwrap();
            prop_assert_eq!(parts.count() as usize, sizes.len());
            let mut start = 0;
            for (number, bytes) in (1..).zip(&sizes) {
                prop_assert_eq!(parts.range(number), Some(start..start + bytes));
                start += bytes;
            }
            prop_assert_eq!((parts.range(0), parts.range(sizes.len() as u32 + 1)), (None, None));
            prop_assert!(parts.runs().windows(2).all(|pair| pair[0].bytes != pair[1].bytes));
            prop_assert_eq!(PartSizes::from_runs(parts.runs().to_vec()), Ok(parts));
        }
    }

    #[test]
    fn the_form_is_bounded() {
        let most = PartSizes::of(std::iter::repeat_n(5 << 20, 9_999).chain([1])).unwrap();
        assert_eq!((most.runs().len(), most.count()), (2, 10_000));
        assert!(PartSizes::of(0..PART_RUNS_MAX as u64).is_some());
        assert_eq!(PartSizes::of(0..PART_RUNS_MAX as u64 + 1), None);
        let run = |count, bytes| PartRun { count, bytes };
        for runs in [
            vec![],
            vec![run(0, 1)],
            vec![run(10_001, 1)],
            vec![run(2, u64::MAX)],
            vec![run(1, u64::MAX), run(1, 1)],
            vec![run(1, 1); PART_RUNS_MAX + 1],
        ] {
            assert_eq!(PartSizes::from_runs(runs), Err(InvalidParts));
        }
    }
}
