//! `Range` of GET and HEAD (RFC 9110, 14.2). Invariant: a range that is answered lies inside the object and isn't
//! empty.

use std::ops::Range;

use chrono::{DateTime, SubsecRound as _, Utc};
use http::{HeaderMap, header};

use thiserror::Error;

use crate::{parse_http_date, unquoted};

/// No byte of the range that was asked for exists: 416, with `Content-Range: bytes */size`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no byte of {asked} is there: the object has {size} bytes")]
pub struct Unsatisfiable {
    /// The range as the client wrote it.
    pub asked: String,
    /// How many bytes the object has.
    pub size: u64,
}

impl Unsatisfiable {
    /// What `Content-Range` says of it.
    pub fn content_range(&self) -> String {
        format!("bytes */{}", self.size)
    }
}

/// One range as a client writes it.
enum Wanted {
    From { first: u64, last: Option<u64> },
    Suffix(u64),
}

/// The part of an object that a request gets: `None` is the whole object with 200, a range is answered with 206.
/// Several ranges, units that aren't bytes and ranges that can't be read give the whole object, as do ranges whose
/// `If-Range` doesn't hold. The last bytes of an empty object are the whole of it too: no range can say that it is empty.
///
/// # Errors
/// When no byte of the range exists.
pub fn requested(
    headers: &HeaderMap,
    size: u64,
    e_tag: &str,
    last_modified: DateTime<Utc>,
) -> Result<Option<Range<u64>>, Unsatisfiable> {
    let Some(text) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some(wanted) = parse(text) else { return Ok(None) };
    if !still_the_same(headers, e_tag, last_modified) {
        return Ok(None);
    }
    let range = match wanted {
        Wanted::From { first, last } => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        Wanted::Suffix(1..) if size == 0 => return Ok(None),
        Wanted::Suffix(bytes) => size.saturating_sub(bytes)..size,
    };
    match range.start < range.end {
        true => Ok(Some(range)),
        false => Err(Unsatisfiable { asked: text.to_owned(), size }),
    }
}

/// `bytes first-last/size`.
pub fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// Takes a range as RFC 9110, 14.1.2, writes it: there is no white space in it.
fn parse(text: &str) -> Option<Wanted> {
    let (unit, spec) = text.split_once('=')?;
    let (first, last) = spec.split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first, last) {
        ("", bytes) => Some(Wanted::Suffix(number(bytes)?)),
        (first, "") => Some(Wanted::From { first: number(first)?, last: None }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Wanted::From { first, last: Some(last) })
        }
    }
}

/// Digits only; more than fit are as many as fit.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Judges `If-Range`, an ETag or a date.
fn still_the_same(headers: &HeaderMap, e_tag: &str, last_modified: DateTime<Utc>) -> bool {
    let value = headers.get(header::IF_RANGE).filter(|value| !value.is_empty());
    let Some(value) = value.and_then(|value| value.to_str().ok()) else { return true };
    match parse_http_date(value) {
        Some(date) => last_modified.trunc_subsecs(0) == date,
        None => !value.starts_with("W/") && unquoted(value) == e_tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pairs: &[(&'static str, &'static str)], size: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        requested(&headers, size, "e", "1994-11-06T08:49:37.5Z".parse().unwrap())
    }

    #[test]
    fn ranges_of_ten_bytes() {
        let table: &[(&str, Option<Range<u64>>)] = &[
            ("bytes=0-3", Some(0..4)),
            ("bytes=0-0", Some(0..1)),
            ("bytes=3-", Some(3..10)),
            ("bytes=3-99", Some(3..10)),
            ("bytes=9-9", Some(9..10)),
            ("bytes=-4", Some(6..10)),
            // A suffix longer than the object is the whole of it, and still a range.
            ("bytes=-99", Some(0..10)),
            ("bytes=-99999999999999999999999", Some(0..10)),
            ("bytes=0-18446744073709551615", Some(0..10)),
            ("Bytes=1-2", Some(1..3)),
            ("bytes = 1-2", None),
            ("bytes= 1-2", None),
            ("bytes=1 - 2", None),
            ("bytes=1- 2", None),
            ("bytes=- 4", None),
            (" bytes=1-2", None),
            ("bytes=1-2 ", None),
            ("bytes=4-3", None),
            ("bytes=0-1,4-5", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("lines=0-3", None),
            ("0-3", None),
        ];
        for (text, range) in table {
            assert_eq!(ask(&[("range", text)], 10).unwrap(), *range, "{text}");
        }
        assert_eq!(ask(&[], 10).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_satisfied_is_416_with_the_size() {
        for (text, size) in [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-0", 0)]
        {
            let error = ask(&[("range", text)], size).unwrap_err();
            assert_eq!(error.content_range(), format!("bytes */{size}"), "{text}");
        }
    }

    #[test]
    fn the_last_bytes_of_nothing_are_all_of_it() {
        assert_eq!(ask(&[("range", "bytes=-5")], 0).unwrap(), None);
        assert_eq!(ask(&[("range", "bytes=-1")], 0).unwrap(), None);
    }

    #[test]
    fn if_range_gives_the_whole_when_the_object_changed() {
        for (value, range) in [
            ("\"e\"", Some(0..2)),
            ("\"x\"", None),
            ("W/\"e\"", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0..2)),
            ("Sun, 06 Nov 1994 08:49:38 GMT", None),
        ] {
            assert_eq!(ask(&[("range", "bytes=0-1"), ("if-range", value)], 10).unwrap(), range, "{value}");
        }
    }

    #[test]
    fn content_range_is_inclusive() {
        assert_eq!(content_range(&(0..4), 10), "bytes 0-3/10");
    }
}
