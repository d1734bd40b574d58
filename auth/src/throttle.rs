//! Slows down who guesses secrets. Owns the count of failures for each pair of address and access key. Invariant: memory
//! is bounded by [`BUCKETS`], whoever tries whatever; two pairs that meet in a bucket share its count.

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
    /// Whether another try is borne now.
    pub fn may_try(&self, address: Option<IpAddr>, access_key_id: &str, now: Timestamp) -> bool {
        self.bucket(address, access_key_id, now, |bucket| bucket.failures < FAILURES_MAX)
    }

    /// Counts a failure.
    pub fn failed(&self, address: Option<IpAddr>, access_key_id: &str, now: Timestamp) {
        self.bucket(address, access_key_id, now, |bucket| bucket.failures = (bucket.failures + 1).min(FAILURES_MAX));
    }

    fn bucket<T>(
        &self,
        address: Option<IpAddr>,
        access_key_id: &str,
        now: Timestamp,
        use_it: impl FnOnce(&mut Bucket) -> T,
    ) -> T {
        let place = self.hasher.hash_one((address, access_key_id)) % BUCKETS as u64;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut buckets[usize::try_from(place).expect("because it is less than the number of buckets")];
        let passed = now.as_millis().saturating_sub(bucket.last.as_millis()).max(0) / FORGOTTEN_AFTER_MILLIS;
        if passed > 0 {
            bucket.failures = bucket.failures.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
            bucket.last = now;
        }
        use_it(bucket)
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
            assert!(throttle.may_try(here, "AK", at(0)));
            throttle.failed(here, "AK", at(0));
        }
        assert!(!throttle.may_try(here, "AK", at(0)) && !throttle.may_try(here, "AK", at(5)));
        let elsewhere = Some("10.0.0.2".parse().unwrap());
        assert!(throttle.may_try(elsewhere, "AK", at(5)), "its owner gets in from elsewhere");
        assert!(throttle.may_try(here, "AK", at(6)));
        throttle.failed(here, "AK", at(6));
        assert!(!throttle.may_try(here, "AK", at(6)) && throttle.may_try(here, "AK", at(70)));
    }
}
