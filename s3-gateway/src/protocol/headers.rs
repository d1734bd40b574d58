//! Small things that stand in headers: ETags, user metadata, the headers that are kept with an object, request ids.
//! Invariant: metadata is kept as the text that was meant, and comes out as ASCII that means the same text.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::{ErrorCode, S3Error};
use super::rfc2047;

/// The most bytes of user metadata, names and values together.
pub const METADATA_BYTES_MAX: usize = 2048;

const METADATA_PREFIX: &str = "x-amz-meta-";

/// The standard headers that are kept with an object; content-type is kept on its own.
const KEPT: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// The one value of a header as text.
///
/// # Errors
/// InvalidArgument when it is there twice, since a reader of the other one would be misled, or isn't UTF-8.
pub fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, S3Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(S3Error::invalid_argument(name, "", format!("The header {name} is there more than once.")));
    }
    text(name, value).map(Some)
}

fn text<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, S3Error> {
    std::str::from_utf8(value.as_bytes()).map_err(|_| {
        S3Error::invalid_argument(name, &String::from_utf8_lossy(value.as_bytes()), "The header isn't UTF-8.")
    })
}

/// The user metadata (`x-amz-meta-*`), names in lower case without the prefix. Values are taken as UTF-8, which some
/// clients send raw, and as the encoded words of RFC 2047, as S3 takes them; the values of a header that is repeated are
/// joined by commas.
///
/// # Errors
/// MetadataTooLarge above [`METADATA_BYTES_MAX`].
pub fn user_metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, S3Error> {
    let mut metadata = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let Some(short) = name.as_str().strip_prefix(METADATA_PREFIX) else { continue };
        let value = rfc2047::decode(text(name.as_str(), value)?);
        metadata
            .entry(short.to_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    match bytes > METADATA_BYTES_MAX {
        true => Err(S3Error::from(ErrorCode::MetadataTooLarge)
            .with_detail("Size", bytes.to_string())
            .with_detail("MaxSizeAllowed", METADATA_BYTES_MAX.to_string())),
        false => Ok(metadata),
    }
}

/// The header that returns one piece of user metadata; none when no header can have its name.
pub fn metadata_header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(format!("{METADATA_PREFIX}{name}")).ok()?;
    Some((name, encoded(value)))
}

/// A text as a header shows it: in the encoded words of RFC 2047 unless it is plain ASCII. Many clients take nothing of an
/// answer with other bytes in a header.
pub fn encoded(text: &str) -> HeaderValue {
    HeaderValue::from_str(&rfc2047::encode(text)).expect("because what is encoded is printable ASCII")
}

/// The standard headers that are kept with an object and returned by GET, names in lower case: cache-control,
/// content-disposition, content-encoding (without `aws-chunked`), content-language, expires, x-amz-storage-class,
/// x-amz-website-redirect-location. Not content-type.
///
/// # Errors
/// InvalidArgument for a header that is there twice or isn't UTF-8.
pub fn kept_headers(headers: &HeaderMap) -> Result<BTreeMap<String, String>, S3Error> {
    let mut kept = BTreeMap::new();
    for name in KEPT {
        let value = match name {
            "content-encoding" => content_encoding(headers)?,
            _ => single(headers, name)?.map(str::to_owned),
        };
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            kept.insert(name.to_owned(), value);
        }
    }
    Ok(kept)
}

/// The encoding of the object itself, as it was sent: `aws-chunked` describes only how the request was.
fn content_encoding(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    let mut codings = Vec::new();
    for value in headers.get_all("content-encoding") {
        let value = text("content-encoding", value)?;
        codings.extend(value.split(',').filter(|coding| !coding.trim().eq_ignore_ascii_case("aws-chunked")));
    }
    let sent = codings.join(",").trim().to_owned();
    Ok(sent.contains(|c| c != ',' && c != ' ').then_some(sent))
}

/// A new id for a request: 16 upper-case hex digits.
pub fn new_request_id() -> String {
    format!("{:016X}", rand::random::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_taken_as_the_text_that_was_meant() {
        let mut headers = HeaderMap::new();
        headers.append(
            "x-amz-meta-Name".parse::<HeaderName>().unwrap(),
            HeaderValue::from_bytes("é 日".as_bytes()).unwrap(),
        );
        headers.append("x-amz-meta-words", HeaderValue::from_static("=?UTF-8?Q?=C3=A9_?= =?utf-8?b?5pel?= x"));
        headers.append("x-amz-meta-twice", HeaderValue::from_static("1"));
        headers.append("x-amz-meta-twice", HeaderValue::from_static("2"));
        headers.append("x-amz-acl", HeaderValue::from_static("private"));
        let metadata = user_metadata(&headers).unwrap();
        let expected = [("name", "é 日"), ("twice", "1,2"), ("words", "é 日 x")];
        assert_eq!(metadata, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let header = |value| metadata_header("name", value).unwrap();
        assert_eq!(
            header("é 日"),
            (HeaderName::from_static("x-amz-meta-name"), "=?UTF-8?B?w6kg5pel?=".parse().unwrap())
        );
        assert_eq!(header("a b").1, "a b");
        assert_eq!(header("b\n").1, "=?UTF-8?B?Ygo=?=");
        assert!(metadata_header("a:b", "c").is_none());
        headers.insert("x-amz-meta-name", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(user_metadata(&headers).unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn metadata_is_bounded() {
        let of = |bytes: usize| {
            let value = HeaderValue::from_str(&"v".repeat(bytes - 1)).unwrap();
            user_metadata(&HeaderMap::from_iter([("x-amz-meta-n".parse().unwrap(), value)]))
        };
        assert!(of(METADATA_BYTES_MAX).is_ok());
        assert_eq!(of(METADATA_BYTES_MAX + 1).unwrap_err().code(), ErrorCode::MetadataTooLarge);
    }

    #[test]
    fn aws_chunked_is_not_kept() {
        let kept = |value: &'static str| {
            let headers = HeaderMap::from_iter([("content-encoding".parse().unwrap(), value.parse().unwrap())]);
            kept_headers(&headers).unwrap().remove("content-encoding")
        };
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("aws-chunked,gzip").as_deref(), Some("gzip"));
        assert_eq!(kept("gzip, aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(kept("gzip").as_deref(), Some("gzip"));
        assert_eq!(kept("deflate, gzip").as_deref(), Some("deflate, gzip"));
        assert_eq!(kept("deflate,gzip, AWS-chunked").as_deref(), Some("deflate,gzip"));
        assert_eq!(kept("deflate, aws-chunked, gzip").as_deref(), Some("deflate, gzip"));
        assert_eq!(kept(" , "), None);
        assert_eq!(kept(""), None);
    }

    #[test]
    fn request_ids_have_sixteen_digits() {
        assert_eq!(new_request_id().len(), 16);
        assert_ne!(new_request_id(), new_request_id());
    }
}
