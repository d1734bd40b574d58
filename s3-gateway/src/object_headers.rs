//! What of an object travels in headers: read off a write, put back on a read. Owns the headers that keep users' bytes
//! from being a page of our origin. Invariant: every answer with users' bytes carries them.

use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName};
use model::{Entry, TAGS_NAME};
use object_http::{Representation, insert};

use crate::checksum_model;
use crate::object_tags;
use crate::protocol::{Checksum, ChecksumKind, S3Error, headers};

/// S3's media type of an object that came without one.
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

/// What `x-amz-storage-class` says of most objects; S3 sends the header only for others.
pub(crate) const STORAGE_CLASS_DEFAULT: &str = "STANDARD";

pub(crate) const STORAGE_CLASS: &str = "x-amz-storage-class";

const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");

/// How S3 says that an object has metadata that no header can show. REST and gRPC take names that S3's writers can't send:
/// with a colon, or two that differ in capitals only.
const MISSING_METADATA: HeaderName = HeaderName::from_static("x-amz-missing-meta");

/// What a write says of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// The media type.
    pub(crate) content_type: String,
    /// User metadata, with the tags among them.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Other headers that a GET returns.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Described {
    /// Reads what a write says, within S3's bounds.
    pub(crate) fn of_write(request: &HeaderMap) -> Result<Self, S3Error> {
        let content_type = headers::single(request, "content-type")?.filter(|value| !value.is_empty());
        let mut metadata = headers::user_metadata(request)?;
        object_tags::of_write(request)?.keep_in(&mut metadata);
        Ok(Self {
            content_type: content_type.unwrap_or(CONTENT_TYPE_DEFAULT).to_owned(),
            metadata,
            headers: headers::kept_headers(request)?,
        })
    }

    /// What is kept of an object that a copy takes over.
    pub(crate) fn of_entry(entry: &Entry) -> Self {
        let Entry { content_type, metadata, headers, .. } = entry;
        Self { content_type: content_type.clone(), metadata: metadata.clone(), headers: headers.clone() }
    }
}

/// Puts what a reader sees of an object on an answer.
pub(crate) fn describe(answer: &mut HeaderMap, entry: &Entry) {
    representation(entry).describe(answer);
    for value in answer.values_mut() {
        // Texts that were kept, since all others are ASCII.
        if let Some(text) = std::str::from_utf8(value.as_bytes()).ok().filter(|text| !text.is_ascii()) {
            *value = headers::encoded(text);
        }
    }
    if entry.headers.get(STORAGE_CLASS).is_some_and(|class| class == STORAGE_CLASS_DEFAULT) {
        answer.remove(STORAGE_CLASS);
    }
    if let Some(count) = entry.tags().ok().map(|tags| tags.count()).filter(|count| *count > 0) {
        answer.insert(TAGGING_COUNT, count.into());
    }
    let mut missing = 0_u32;
    for (name, value) in entry.metadata.iter().filter(|(name, _)| *name != TAGS_NAME) {
        match headers::metadata_header(name, value).filter(|(name, _)| !answer.contains_key(name)) {
            Some((name, value)) => drop(answer.insert(name, value)),
            None => missing += 1,
        }
    }
    if missing > 0 {
        answer.insert(MISSING_METADATA, missing.into());
    }
}

/// Puts on what even an answer 304 or 412 has.
pub(crate) fn validators(answer: &mut HeaderMap, entry: &Entry) {
    representation(entry).validators(answer);
}

fn representation(entry: &Entry) -> Representation<'_> {
    let Entry { e_tag, content_type, headers, .. } = entry;
    Representation { e_tag, last_modified: entry.last_modified.to_datetime(), content_type, headers }
}

/// Puts a kept checksum on an answer.
pub(crate) fn checksum(answer: &mut HeaderMap, checksum: Option<&model::Checksum>) {
    let Some((Checksum { algorithm, value }, kind)) = checksum.map(checksum_model::shown) else { return };
    insert(answer, HeaderName::from_static(algorithm.header()), &value);
    insert(answer, HeaderName::from_static("x-amz-checksum-type"), ChecksumKind::as_str(kind));
}

/// The storage class that listings show.
pub(crate) fn storage_class(headers: &BTreeMap<String, String>) -> String {
    headers.get(STORAGE_CLASS).map_or(STORAGE_CLASS_DEFAULT, String::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use model::{Address, Timestamp};

    use super::*;

    #[test]
    fn metadata_that_no_header_can_show_is_counted() {
        let metadata = [
            ("::lakebed::tags", "a=b&c=d"),
            ("Color", "red"),
            ("color", "blue"),
            ("::lakefs::client-mtime", "1"),
            ("shape", "round"),
        ];
        let entry = Entry {
            address: Address::Relative("data/x".into()),
            last_modified: Timestamp::from_millis(0),
            size: 1,
            e_tag: "e".into(),
            content_type: "text/plain".into(),
            metadata: metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            headers: BTreeMap::new(),
            checksum: None,
            parts: None,
        };
        let mut answer = HeaderMap::new();
        describe(&mut answer, &entry);
        assert_eq!(
            (&answer["x-amz-meta-color"], &answer["x-amz-meta-shape"]),
            (&"red".parse().unwrap(), &"round".parse().unwrap())
        );
        assert_eq!(answer["x-amz-missing-meta"], "2");
        assert_eq!(answer["x-amz-tagging-count"], "2");
        let mut answer = HeaderMap::new();
        describe(&mut answer, &Entry { metadata: [("shape".to_owned(), "round".to_owned())].into(), ..entry });
        assert!(!answer.contains_key("x-amz-missing-meta") && !answer.contains_key("x-amz-tagging-count"));
    }
}
