//! Time as Lakebed keeps it. Owns the [`Clock`] seam, so that tests and replicas don't read the machine's clock.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// How far the clocks of an installation's machines may be apart; what is further in the future than that was written
/// down by a clock that ran ahead.
pub const CLOCK_TOLERANCE_MS: u64 = 60_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after the epoch, held within the years that text can show.
    pub fn from_millis(millis: i64) -> Self {
        let (min, max) = (DateTime::<Utc>::MIN_UTC.timestamp_millis(), DateTime::<Utc>::MAX_UTC.timestamp_millis());
        Self(millis.clamp(min, max))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment so many milliseconds later.
    #[must_use]
    pub fn plus_millis(self, millis: u64) -> Self {
        Self::from_millis(self.0.saturating_add_unsigned(millis))
    }

    /// Returns whether this is further away than a clock that is right could have written down what lasts so long: then
    /// the clock that wrote it ran ahead, or the present one is behind.
    pub fn is_too_far(self, now: Self, lasting_millis: u64) -> bool {
        self > now.plus_millis(lasting_millis.saturating_add(CLOCK_TOLERANCE_MS))
    }

    /// The moment as chrono has it, for formatting.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    /// Reads RFC 3339, as in 2026-11-01T00:00:00Z.
    fn from_str(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc).into())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Tells the time; swapped in tests.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Utc::now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_no_longer_than_it_may_is_not_too_far() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let at = |millis: u64| now.plus_millis(millis);
        assert!(!at(0).is_too_far(now, 0) && !at(CLOCK_TOLERANCE_MS).is_too_far(now, 0));
        assert!(at(CLOCK_TOLERANCE_MS + 1).is_too_far(now, 0));
        assert!(!at(CLOCK_TOLERANCE_MS + 1).is_too_far(now, 1));
        assert!(!Timestamp::from_millis(0).is_too_far(now, 0));
        assert_eq!(at(u64::MAX), Timestamp::from_millis(i64::MAX));
    }
}
