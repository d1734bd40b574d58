//! A page of an S3 listing (ListObjectsV2, `encoding-type=url`) as its XML says it. Pure; leaves the request to `presigned`.
//! Invariant: keys are as they are in the bucket, whatever they are made of.

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// A page.
#[derive(Debug, PartialEq)]
pub(crate) struct ListedPage {
    pub(crate) objects: Vec<ListedObject>,
    /// What asks for the next page.
    pub(crate) next: Option<String>,
}

/// An object of a page.
#[derive(Debug, PartialEq)]
pub(crate) struct ListedObject {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) e_tag: String,
    pub(crate) last_modified: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    contents: Vec<Contents>,
    #[serde(default)]
    encoding_type: Option<String>,
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    size: u64,
    #[serde(rename = "ETag")]
    e_tag: String,
    last_modified: DateTime<Utc>,
}

impl ListedPage {
    /// Reads the XML. A store that doesn't encode keys says so by saying nothing.
    pub(crate) fn parse(xml: &[u8]) -> Result<Self, String> {
        let document: Document =
            quick_xml::de::from_reader(xml).map_err(|e| format!("its listing can't be read: {e}"))?;
        let is_encoded = document.encoding_type.as_deref() == Some("url");
        let objects = document.contents.into_iter().map(|object| {
            let key = if is_encoded { decoded(&object.key)? } else { object.key };
            let Contents { size, e_tag, last_modified, .. } = object;
            Ok(ListedObject { key, size, e_tag, last_modified })
        });
        let objects = objects.collect::<Result<_, String>>()?;
        match (document.is_truncated, document.next_continuation_token) {
            (true, None) => Err("its listing goes on and doesn't say how".to_owned()),
            (is_truncated, next) => Ok(Self { objects, next: next.filter(|_| is_truncated) }),
        }
    }
}

/// A key as it was before it was encoded, with a plus for a space.
fn decoded(key: &str) -> Result<String, String> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(String::from).map_err(|_| format!("its listing has the key {key}, which isn't UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(more: &str) -> Result<ListedPage, String> {
        let xml = format!(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>raw</Name>\
             <Contents><Key>a//b+c%2B%C3%A9</Key><LastModified>2026-12-01T12:00:00.000Z</LastModified>\
             <ETag>&quot;x&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>{more}</ListBucketResult>"
        );
        ListedPage::parse(xml.as_bytes())
    }

    #[test]
    fn keys_are_as_they_are_in_the_bucket() {
        let plain = page("<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>").unwrap();
        assert_eq!((plain.objects[0].key.as_str(), plain.next), ("a//b+c%2B%C3%A9", None));
        let more = "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
                    <NextContinuationToken>t</NextContinuationToken>";
        let encoded = page(more).unwrap();
        let object = &encoded.objects[0];
        assert_eq!((object.key.as_str(), object.size, object.e_tag.as_str()), ("a//b c+é", 7, "\"x\""));
        assert_eq!(encoded.next.as_deref(), Some("t"));
        let empty = ListedPage::parse(b"<ListBucketResult></ListBucketResult>").unwrap();
        assert_eq!((empty.objects.len(), empty.next), (0, None));
    }

    #[test]
    fn what_cant_be_read_is_no_end() {
        assert!(page("<IsTruncated>true</IsTruncated>").is_err());
        assert!(ListedPage::parse(b"<html>").is_err());
        assert!(ListedPage::parse(b"").is_err());
    }
}
