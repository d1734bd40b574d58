//! Dates as HTTP writes them. Invariant: what is written here is read back to the second.

use chrono::{DateTime, NaiveDateTime, Utc};

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads any of the three forms of dates of RFC 9110, 5.6.7, and RFC 5322's with a zone, which some clients sign.
pub fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let asctime = || NaiveDateTime::parse_from_str(text, "%a %b %e %H:%M:%S %Y").ok();
    let zoned = || DateTime::parse_from_rfc2822(text).ok().map(|time| time.with_timezone(&Utc));
    // The name of the day says nothing that the date doesn't.
    let in_gmt = || {
        let date = text.split_once(", ")?.1.strip_suffix(" GMT")?;
        let parse = |format| NaiveDateTime::parse_from_str(date, format).ok();
        parse("%d %b %Y %H:%M:%S").or_else(|| parse("%d-%b-%y %H:%M:%S"))
    };
    in_gmt().or_else(asctime).map(|time| time.and_utc()).or_else(zoned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_one_time() {
        let time: DateTime<Utc> = "1994-11-06T08:49:37Z".parse().unwrap();
        assert_eq!(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ] {
            assert_eq!(parse_http_date(text), Some(time), "{text}");
        }
        for text in ["", "yesterday", "Sun, 31 Feb 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }
}
