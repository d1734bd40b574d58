//! Slows guesses of secrets down. Owns the count of failures for each pair of address and access key; a caller who proves a
//! secret asks only after it turned out to be wrong, so that nobody's guesses lock out the key's owner. Invariant: memory is
//! bounded by [`BUCKETS`] whatever is tried; two pairs that meet in a bucket share its count.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Timestamp;

/// How many failures in a row are borne.
pub const FAILURES_MAX: u32 = 10;

/// How long it takes until one failure is forgotten.
const FORGOTTEN_AFTER_MILLIS: i64 = 6_000;

/// How many pairs are told apart.
const BUCKETS: usize = 4096;

/// Failures by address and access key.
#[derive(Debug)]
pub struct Throttle {
    /// Unpredictable, so that nobody can fill another's bucket on purpose.
    hasher: RandomState,
    buckets: Mutex<Vec<Bucket>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    failures: u32,
    last: Timestamp,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { hasher: RandomState::new(), buckets: Mutex::new(vec![Bucket::default(); BUCKETS]) }
    }
}

impl Throttle {
    /// Counts a failure. Returns whether it is one too many.
    pub fn failed(&self, address: Option<IpAddr>, access_key_id: &str, now: Timestamp) -> bool {
        let place = self.hasher.hash_one((address, access_key_id)) % BUCKETS as u64;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut buckets[usize::try_from(place).expect("because it is less than the number of buckets")];
        // A failure that is later than now was counted by a clock that ran ahead.
        let passed = now.as_millis().saturating_sub(bucket.last.as_millis()) / FORGOTTEN_AFTER_MILLIS;
        if passed > 0 || bucket.last > now {
            bucket.failures = bucket.failures.saturating_sub(u32::try_from(passed).unwrap_or(0));
            bucket.last = now;
        }
        let is_too_many = bucket.failures >= FAILURES_MAX;
        bucket.failures = (bucket.failures + 1).min(FAILURES_MAX);
        is_too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + seconds * 1000)
    }

    #[test]
    fn guesses_are_borne_a_few_times_and_again_after_a_while() {
        let throttle = Throttle::default();
        let here = Some("10.0.0.1".parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert!(!throttle.failed(here, "AK", at(0)));
        }
        assert!(throttle.failed(here, "AK", at(0)) && throttle.failed(here, "AK", at(5)));
        assert!(!throttle.failed(here, "AK2", at(5)), "another key");
        assert!(!throttle.failed(Some("10.0.0.2".parse().unwrap()), "AK", at(5)), "from elsewhere");
        assert!(!throttle.failed(here, "AK", at(6)) && throttle.failed(here, "AK", at(6)));
        assert!(!throttle.failed(here, "AK", at(70)));
    }

    #[test]
    fn a_clock_that_ran_ahead_is_forgotten() {
        let throttle = Throttle::default();
        for _ in 0..=FAILURES_MAX {
            throttle.failed(None, "AK", at(1_000_000));
        }
        assert!(throttle.failed(None, "AK", at(0)));
        assert!(!throttle.failed(None, "AK", at(6)), "one failure was forgotten after six seconds of the right clock");
    }
}
