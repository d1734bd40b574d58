//! The headers of an answer that holds an object's bytes, or would. Invariant: users' bytes are never a page or a script
//! of our origin, whatever their media type says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::{http_date, quoted};

/// What a reader sees of an object, beside its bytes and what its protocol adds.
#[derive(Debug, Clone, Copy)]
pub struct Representation<'a> {
    /// Without quotes.
    pub e_tag: &'a str,
    /// When it was written.
    pub last_modified: DateTime<Utc>,
    /// The media type.
    pub content_type: &'a str,
    /// Other headers that are kept with it, names in lower case.
    pub headers: &'a BTreeMap<String, String>,
}

impl Representation<'_> {
    /// Puts all of it on an answer.
    pub fn describe(&self, answer: &mut HeaderMap) {
        self.validators(answer);
        answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert(answer, header::CONTENT_TYPE, self.content_type);
        for (name, value) in self.headers {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                insert(answer, name, value);
            }
        }
        answer.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
        answer.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }

    /// Puts on what even an answer 304 or 412 has.
    pub fn validators(&self, answer: &mut HeaderMap) {
        insert(answer, header::ETAG, &quoted(self.e_tag));
        insert(answer, header::LAST_MODIFIED, &http_date(self.last_modified));
    }
}

/// Inserts a value, as UTF-8 bytes where it isn't ASCII; leaves out one that no header can hold.
pub fn insert(answer: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        answer.insert(name, value);
    }
}
