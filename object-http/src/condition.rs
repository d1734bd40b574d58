//! The conditions that a request sets on an object. Those of reads are judged here; those of writes are only read, for
//! a writer judges them in one step with the write. Invariant: a condition on the ETag wins over its neighbour
//! on the date, as RFC 9110, 13.2.2, and S3 have it.

use chrono::{DateTime, SubsecRound as _, Utc};
use http::HeaderMap;

use thiserror::Error;

use crate::{parse_http_date, unquoted};

/// What a read's conditions say of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answer it.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412.
    Failed,
}

/// The condition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteCondition {
    /// `If-None-Match: *`: only when no such object exists.
    Absent,
    /// `If-Match: "etag"`: only over this object; without quotes. `*` is any object.
    Matches(String),
}

/// Conditions of a write that nobody judges.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidCondition {
    /// S3 has only `*` there.
    #[error("If-None-Match of anything but * isn't supported on a write")]
    NoneMatchOfTag,
    /// S3 has only one there.
    #[error("If-Match of several ETags isn't supported on a write")]
    SeveralTags,
    /// Which of them?
    #[error("send If-Match or If-None-Match, not both")]
    Both,
    /// Twice, or not ASCII.
    #[error("the header {0} can't be read: send it once, in ASCII")]
    Unreadable(&'static str),
}

/// Judges If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since on GET and HEAD. The ETag is unquoted.
/// Dates that can't be read are ignored.
pub fn judge_read(headers: &HeaderMap, e_tag: &str, last_modified: DateTime<Utc>) -> Verdict {
    let names = ["if-match", "if-unmodified-since", "if-none-match", "if-modified-since"];
    match judge(headers, names, e_tag, last_modified) {
        (false, _) => Verdict::Failed,
        (true, false) => Verdict::NotModified,
        (true, true) => Verdict::Proceed,
    }
}

/// Judges `x-amz-copy-source-if-*`: whatever fails is 412.
pub fn judge_copy_source(headers: &HeaderMap, e_tag: &str, last_modified: DateTime<Utc>) -> Verdict {
    let names = [
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-if-unmodified-since",
        "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-modified-since",
    ];
    match judge(headers, names, e_tag, last_modified) {
        (true, true) => Verdict::Proceed,
        _ => Verdict::Failed,
    }
}

/// Whether the object is still the one expected (match, unmodified since), and whether it is new to the client (none
/// match, modified since).
fn judge(headers: &HeaderMap, names: [&str; 4], e_tag: &str, last_modified: DateTime<Utc>) -> (bool, bool) {
    let [matches, unmodified_since, none_match, modified_since] = names;
    let last_modified = last_modified.trunc_subsecs(0);
    let date = |name| headers.get(name).and_then(|value| parse_http_date(value.to_str().ok()?));
    let expected = match names_tag(headers, matches, e_tag) {
        Some(named) => named,
        None => date(unmodified_since).is_none_or(|date| last_modified <= date),
    };
    let new = match names_tag(headers, none_match, e_tag) {
        Some(named) => !named,
        None => date(modified_since).is_none_or(|date| last_modified > date),
    };
    (expected, new)
}

/// Whether a list of ETags names this one; none when the header isn't there, or is empty.
fn names_tag(headers: &HeaderMap, name: &str, e_tag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().filter(|value| !value.is_empty()).peekable();
    values.peek()?;
    Some(values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || unquoted(tag) == e_tag
    }))
}

/// Reads the condition of a PUT, CompleteMultipartUpload or DELETE.
///
/// # Errors
/// For `If-None-Match` of anything but `*` and for several ETags, as in S3, and for both conditions at once.
pub fn of_write(headers: &HeaderMap) -> Result<Option<WriteCondition>, InvalidCondition> {
    match (single(headers, "if-match")?, single(headers, "if-none-match")?) {
        (None, None) => Ok(None),
        (None, Some("*")) => Ok(Some(WriteCondition::Absent)),
        (None, Some(_)) => Err(InvalidCondition::NoneMatchOfTag),
        (Some(tags), None) if tags.contains(',') => Err(InvalidCondition::SeveralTags),
        (Some(tag), None) => Ok(Some(WriteCondition::Matches(unquoted(tag).to_owned()))),
        (Some(_), Some(_)) => Err(InvalidCondition::Both),
    }
}

/// The one value of a condition; an empty one is none.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, InvalidCondition> {
    let mut values = headers.get_all(name).iter().filter(|value| !value.is_empty());
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(|text| Some(text.trim())).map_err(|_| InvalidCondition::Unreadable(name))
        }
        (Some(_), Some(_)) => Err(InvalidCondition::Unreadable(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn reads() {
        // The object was written half a second after SAME, which no header can say.
        let time: DateTime<Utc> = "1994-11-06T08:49:37.5Z".parse().unwrap();
        let table: &[(&[(&'static str, &'static str)], Verdict)] = &[
            (&[], Verdict::Proceed),
            (&[("if-match", "\"e\"")], Verdict::Proceed),
            (&[("if-match", "e")], Verdict::Proceed),
            (&[("if-match", ""), ("if-none-match", "")], Verdict::Proceed),
            (&[("if-match", ""), ("if-unmodified-since", BEFORE)], Verdict::Failed),
            (&[("if-match", "\"x\", \"e\"")], Verdict::Proceed),
            (&[("if-match", "*")], Verdict::Proceed),
            (&[("if-match", "\"x\"")], Verdict::Failed),
            (&[("if-none-match", "\"e\"")], Verdict::NotModified),
            (&[("if-none-match", "W/\"e\"")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-none-match", "\"x\"")], Verdict::Proceed),
            (&[("if-modified-since", SAME)], Verdict::NotModified),
            (&[("if-modified-since", BEFORE)], Verdict::Proceed),
            (&[("if-modified-since", "nonsense")], Verdict::Proceed),
            (&[("if-unmodified-since", SAME)], Verdict::Proceed),
            (&[("if-unmodified-since", BEFORE)], Verdict::Failed),
            // The ETag wins over the date.
            (&[("if-match", "\"e\""), ("if-unmodified-since", BEFORE)], Verdict::Proceed),
            (&[("if-match", "\"x\""), ("if-unmodified-since", SAME)], Verdict::Failed),
            (&[("if-none-match", "\"x\""), ("if-modified-since", SAME)], Verdict::Proceed),
            (&[("if-none-match", "\"e\""), ("if-modified-since", BEFORE)], Verdict::NotModified),
            // 412 wins over 304.
            (&[("if-match", "\"x\""), ("if-none-match", "\"e\"")], Verdict::Failed),
            (&[("if-match", "\"e\""), ("if-none-match", "\"e\"")], Verdict::NotModified),
        ];
        for (pairs, verdict) in table {
            assert_eq!(judge_read(&headers(pairs), "e", time), *verdict, "{pairs:?}");
        }
    }

    #[test]
    fn copies_fail_with_412_only() {
        let time: DateTime<Utc> = "1994-11-06T08:49:37Z".parse().unwrap();
        let judge = |pairs| judge_copy_source(&headers(pairs), "e", time);
        assert_eq!(judge(&[("x-amz-copy-source-if-none-match", "\"e\"")]), Verdict::Failed);
        assert_eq!(judge(&[("x-amz-copy-source-if-match", "\"e\"")]), Verdict::Proceed);
        assert_eq!(judge(&[("x-amz-copy-source-if-modified-since", SAME)]), Verdict::Failed);
        assert_eq!(judge(&[("if-match", "\"x\"")]), Verdict::Proceed);
    }

    #[test]
    fn writes() {
        let read = |pairs| of_write(&headers(pairs));
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("if-none-match", "*")]).unwrap(), Some(WriteCondition::Absent));
        assert_eq!(read(&[("if-match", "\"e\"")]).unwrap(), Some(WriteCondition::Matches("e".into())));
        let invalid = |pairs| read(pairs).unwrap_err();
        assert_eq!(invalid(&[("if-none-match", "\"e\"")]), InvalidCondition::NoneMatchOfTag);
        assert_eq!(invalid(&[("if-match", "\"a\", \"b\"")]), InvalidCondition::SeveralTags);
        assert_eq!(invalid(&[("if-match", "\"a\""), ("if-none-match", "*")]), InvalidCondition::Both);
        assert_eq!(invalid(&[("if-match", "a"), ("if-match", "b")]), InvalidCondition::Unreadable("if-match"));
    }
}
