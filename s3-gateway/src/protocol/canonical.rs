//! Canonical requests: the one form in which client and server sign the same request (AWS Signature Version 4, S3's
//! variant: paths are encoded once and never normalised). Pure; leaves keys and dates to others. Invariant: a canonical
//! form determines what the request means here, so that no two meanings share a signature.

use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use super::query::Query;

/// What signatures leave as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Where the signature stands in a pre-signed URL; it can't sign itself.
pub(crate) const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// The parts of a request that signature version 4 covers.
pub(crate) struct CanonicalRequest<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// The path, encoded.
    pub(crate) path: &'a str,
    /// The whole query.
    pub(crate) query: &'a Query,
    /// The headers, with `host` among them.
    pub(crate) headers: &'a HeaderMap,
    /// The names of the signed headers, in the signer's order.
    pub(crate) signed_headers: &'a [&'a str],
    /// The payload's digest in hex, or what stands for it.
    pub(crate) payload: &'a str,
}

impl CanonicalRequest<'_> {
    /// The digest that goes into the string to sign, in hex.
    pub(crate) fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.to_bytes()))
    }

    /// The canonical request itself. Bytes, for headers may hold raw UTF-8.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        for line in [self.method.as_str(), self.path, &canonical_query(self.query)] {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        for name in self.signed_headers {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            out.extend_from_slice(&header_value(self.headers, name));
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.join(";").as_bytes());
        out.push(b'\n');
        out.extend_from_slice(self.payload.as_bytes());
        out
    }
}

/// The paths under which a request may have been signed: as its key is encoded, and as it was sent (some clients leave
/// characters such as `@` as they are, or encode a slash). Both decode to the same key.
pub(crate) fn candidate_paths(raw: &str) -> Vec<String> {
    let decoded: Vec<u8> = percent_decode_str(raw).collect();
    let encoded = percent_encode(&decoded, ENCODED_IN_PATH).to_string();
    match encoded == raw {
        true => vec![encoded],
        false => vec![encoded, raw.to_owned()],
    }
}

/// A path as signatures have it.
pub(crate) fn encoded_path(path: &str) -> String {
    percent_encode(path.as_bytes(), ENCODED_IN_PATH).to_string()
}

/// A name or value of a query as signatures have it.
pub(crate) fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes(), ENCODED).to_string()
}

/// The values of a header, joined by commas; each is trimmed, and runs of spaces are one.
pub(crate) fn header_value(headers: &HeaderMap, name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, value) in headers.get_all(name).iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let words = value.as_bytes().trim_ascii().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        for (j, word) in words.enumerate() {
            if j > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    out
}

fn canonical_query(query: &Query) -> String {
    let signed = query.pairs().filter(|(name, _)| *name != SIGNATURE_PARAMETER);
    let mut pairs: Vec<_> = signed.map(|(name, value)| (encoded(name), encoded(value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_once_and_never_normalised() {
        for (raw, candidates) in [
            ("/", &["/"][..]),
            ("/b//a/../c/", &["/b//a/../c/"]),
            ("/b/a%20b", &["/b/a%20b"]),
            ("/b/a+b@c", &["/b/a%2Bb%40c", "/b/a+b@c"]),
            ("/b/a%2fb", &["/b/a/b", "/b/a%2fb"]),
            ("/b/%C3%A9", &["/b/%C3%A9"]),
            ("/b/100%", &["/b/100%25", "/b/100%"]),
        ] {
            assert_eq!(candidate_paths(raw), candidates, "{raw}");
        }
    }

    #[test]
    fn queries_are_sorted_as_encoded() {
        let query = Query::parse("b=2&a=%7e+x&X-Amz-Signature=1&a=&A=/&%C3%A9").unwrap();
        assert_eq!(canonical_query(&query), "%C3%A9=&A=%2F&a=&a=~%20x&b=2");
    }

    #[test]
    fn header_values_are_joined_and_trimmed() {
        let mut headers = HeaderMap::new();
        headers.append("x-amz-meta-a", " a   b ".parse().unwrap());
        headers.append("x-amz-meta-a", "c".parse().unwrap());
        assert_eq!(header_value(&headers, "x-amz-meta-a"), b"a b,c");
        assert_eq!(header_value(&headers, "x-amz-meta-b"), b"");
    }
}
