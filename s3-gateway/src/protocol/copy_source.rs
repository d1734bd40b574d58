//! `x-amz-copy-source` and its range. Leaves the reading of the source, and whether the caller may, to others.
//! Invariant: the source is decoded once; a version is refused, not ignored.

use std::ops::Range;

use http::HeaderMap;

use super::address::{KEY_BYTES_MAX, decode_path};
use super::error::{ErrorCode, S3Error};
use super::headers::single;

/// The object that a copy reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// `bytes=first-last` of a part copy: both ends are there, as S3 wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopySourceRange {
    /// The first byte.
    pub first: u64,
    /// The last byte, inclusive.
    pub last: u64,
}

const SOURCE: &str = "x-amz-copy-source";
const RANGE: &str = "x-amz-copy-source-range";

impl CopySource {
    /// Reads the header; none when it isn't there.
    ///
    /// # Errors
    /// InvalidArgument unless it is `bucket/key`, percent-encoded or not; NotImplemented for a version.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, S3Error> {
        let Some(raw) = single(headers, SOURCE)? else { return Ok(None) };
        if raw.contains("?versionId=") {
            return Err(S3Error::not_implemented("versionId in x-amz-copy-source"));
        }
        let wrong = || {
            let why = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
            S3Error::invalid_argument(SOURCE, raw, why)
        };
        let source = decode_path(raw).map_err(|_| wrong())?;
        let source = source.strip_prefix('/').unwrap_or(&source);
        match source.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => match key.len() > KEY_BYTES_MAX {
                true => Err(ErrorCode::KeyTooLongError.into()),
                false => Ok(Some(Self { bucket: bucket.to_owned(), key: key.to_owned() })),
            },
            _ => Err(wrong()),
        }
    }
}

impl CopySourceRange {
    /// Reads the header; none when it isn't there.
    ///
    /// # Errors
    /// InvalidArgument unless it is `bytes=first-last`.
    pub fn of_headers(headers: &HeaderMap) -> Result<Option<Self>, S3Error> {
        let Some(text) = single(headers, RANGE)? else { return Ok(None) };
        let digits = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().ok(),
            false => None,
        };
        let parse = || {
            let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
            let range = Self { first: digits(first)?, last: digits(last)? };
            (range.first <= range.last).then_some(range)
        };
        parse().map(Some).ok_or_else(|| {
            let why = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are \
                       the zero-based offsets of the first and last bytes to copy";
            S3Error::invalid_argument(RANGE, text, why)
        })
    }

    /// The bytes of a source of `size`.
    ///
    /// # Errors
    /// InvalidArgument for a range that leaves the source; it is never shortened.
    pub fn of(self, size: u64) -> Result<Range<u64>, S3Error> {
        match self.last < size {
            true => Ok(self.first..self.last + 1),
            false => Err(S3Error::invalid_argument(
                RANGE,
                &format!("bytes={}-{}", self.first, self.last),
                format!("Range specified is not valid for source object of size: {size}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())])
    }

    #[test]
    fn sources_are_decoded_once() {
        for (text, bucket, key) in [
            ("/trips/main/a", "trips", "main/a"),
            ("trips/main/a", "trips", "main/a"),
            ("trips%2Fmain%2Fa", "trips", "main/a"),
            ("trips/main//a", "trips", "main//a"),
            ("trips/main/a+b", "trips", "main/a+b"),
            ("trips/main/a%2Bb%20c", "trips", "main/a+b c"),
            ("trips/main/a%252F", "trips", "main/a%2F"),
            ("trips/main/a%3FversionId=1", "trips", "main/a?versionId=1"),
            ("trips/main/a?b", "trips", "main/a?b"),
            ("trips/main/é", "trips", "main/é"),
            ("trips/main/100%", "trips", "main/100%"),
        ] {
            let source = CopySource::of(&headers(SOURCE, text)).unwrap().unwrap();
            assert_eq!((source.bucket.as_str(), source.key.as_str()), (bucket, key), "{text}");
        }
        assert_eq!(CopySource::of(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn what_names_no_object_is_refused() {
        let code = |text: &str| CopySource::of(&headers(SOURCE, text)).unwrap_err().code();
        for text in ["trips", "/trips", "trips/", "/", "//a", "trips/%ff"] {
            assert_eq!(code(text), ErrorCode::InvalidArgument, "{text}");
        }
        assert_eq!(code("trips/a?versionId=null"), ErrorCode::NotImplemented);
        let mut twice = headers(SOURCE, "trips/a");
        twice.append(SOURCE, HeaderValue::from_static("trips/b"));
        assert_eq!(CopySource::of(&twice).unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn ranges_have_both_ends_and_are_never_shortened() {
        let range = |text| CopySourceRange::of_headers(&headers(RANGE, text));
        assert_eq!(range("bytes=0-9").unwrap().unwrap().of(10).unwrap(), 0..10);
        assert!(range("bytes=0-9").unwrap().unwrap().of(9).is_err());
        for text in ["bytes=0-", "bytes=-5", "bytes=5-4", "0-4", "bytes=0-4,6-7", "bytes=a-b", "bytes=+0-4"] {
            assert_eq!(range(text).unwrap_err().code(), ErrorCode::InvalidArgument, "{text}");
        }
    }
}
