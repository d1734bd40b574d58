//! Dates as S3's XML writes them; those of headers are `object_http`'s.

use chrono::{DateTime, Utc};

/// `2026-11-20T09:30:00.000Z`.
pub fn xml_date(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_milliseconds() {
        assert_eq!(xml_date("1994-11-06T08:49:37Z".parse().unwrap()), "1994-11-06T08:49:37.000Z");
    }
}
