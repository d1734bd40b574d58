//! Dates as S3's XML writes them; those of headers are `object_http`'s. Invariant: both say the same second, so that a client
//! which compares a listing with a HEAD sees one object.

use chrono::{DateTime, Utc};

/// `2026-11-20T09:30:00.000Z`: S3 keeps whole seconds, and writes them so.
pub fn xml_date(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
mod tests {
    use object_http::{http_date, parse_http_date};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn listings_and_headers_say_the_same(millis in 0..253_000_000_000_000_i64) {
            let time = DateTime::from_timestamp_millis(millis).unwrap();
            prop_assert_eq!(xml_date(time).parse::<DateTime<Utc>>().ok(), parse_http_date(&http_date(time)));
        }
    }

    #[test]
    fn dates_are_of_whole_seconds() {
        assert_eq!(xml_date("1994-11-06T08:49:37.999Z".parse().unwrap()), "1994-11-06T08:49:37.000Z");
    }
}
