//! What fuzzing of the protocol begins with: requests signed as clients sign them, framed bodies, and documents. Signs by
//! the words of AWS's documentation; that what signs is right, the tests of `receive` hold against an oracle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::protocol::canonical::{CanonicalRequest, candidate_paths};
use crate::protocol::payload::{ChunkSigner, UNSIGNED};
use crate::protocol::query::Query;
use crate::protocol::signature_v4::{ALGORITHM, Service};
use crate::protocol::signing_key::SigningKey;

/// The key that signs, with its secret and a session's token.
pub(super) const KEY: &str = "AKFUZZ";
pub(super) const SECRET: &str = "secret";
pub(super) const TOKEN: &str = "token";

/// The domain of virtual hosts.
pub(super) const DOMAIN: &str = "lake.test";

const DAY: &str = "20261120";
const TIMESTAMP: &str = "20261120T093000Z";
const SCOPE: &str = "20261120/us-east-1/s3/aws4_request";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// The signature that a chain of chunks' begins with.
const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Bytes for a target.
pub struct Seed {
    /// Which target.
    pub target: &'static str,
    /// Tells it from the target's others.
    pub name: String,
    /// What the target is given.
    pub bytes: Vec<u8>,
}

/// All seeds, the same each time.
pub fn seeds() -> Vec<Seed> {
    let heads = heads().into_iter().map(|head| ("signature", head.into_bytes()));
    let framed = FORMS.iter().enumerate().flat_map(|(number, form)| {
        let number = u8::try_from(number).expect("because there are few forms");
        let framed = move |chunks: &Vec<Vec<u8>>| [&[number + 30][..], &frame(chunks, *form, &fields(*form))].concat();
        bodies().into_iter().map(move |chunks| ("chunked", framed(&chunks)))
    });
    let documents = DOCUMENTS.iter().map(|document| ("xml", document.as_bytes().to_vec()));
    let all = heads.chain(framed).chain(documents).enumerate();
    all.map(|(number, (target, bytes))| Seed { target, name: number.to_string(), bytes }).collect()
}

/// When all of them were signed.
pub(super) fn now() -> DateTime<Utc> {
    "2026-11-20T09:30:00Z".parse().expect("because it's a time")
}

fn signing_key() -> SigningKey {
    SigningKey::derive(&SECRET.into(), DAY, "us-east-1", Service::S3)
}

/// Heads of requests, signed in each of the ways that are taken.
fn heads() -> Vec<String> {
    vec![
        signed_in_header("GET", "/", &[("host", "lake.test:8000")]),
        signed_in_header("GET", "/trips?list-type=2&prefix=main/a%20b&delimiter=/", &[("host", "lake.test")]),
        signed_in_header("PUT", "/main/%C3%A9@x", &[("host", "trips.lake.test"), ("x-amz-meta-owner", "ann  lee")]),
        signed_in_header(
            "PUT",
            "/trips/main/b",
            &[("host", "lake.test"), ("x-amz-copy-source", "/trips/main/a"), ("x-amz-security-token", TOKEN)],
        ),
        signed_in_header("POST", "/trips?delete=", &[("host", "lake.test"), ("x-amz-checksum-crc32", "AAAAAA==")]),
        signed_in_query("GET", "/trips/main/a", &[("response-content-type", "text/csv")]),
        signed_in_query(
            "PUT",
            "/trips/main/m",
            &[("partNumber", "1"), ("uploadId", "u"), ("x-amz-security-token", TOKEN)],
        ),
        signed_with_version_2("GET", "/trips/main/a"),
        signed_with_version_2("PUT", "/trips/main/b"),
    ]
}

/// The signature of version 4 over a request without a signed body.
fn signature(method: &str, target: &str, headers: &HeaderMap, names: &[&str]) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let canonical = CanonicalRequest {
        method: &method.parse::<Method>().expect("because it's a method"),
        path: &candidate_paths(path)[0],
        query: &Query::parse(query).expect("because it's UTF-8"),
        headers,
        signed_headers: names,
        payload: UNSIGNED,
    };
    signing_key().sign(&format!("{ALGORITHM}\n{TIMESTAMP}\n{SCOPE}\n{}", canonical.digest()))
}

fn signed_in_header(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let mut pairs = [headers, &[("x-amz-content-sha256", UNSIGNED), ("x-amz-date", TIMESTAMP)]].concat();
    pairs.sort_unstable();
    let names: Vec<_> = pairs.iter().map(|(name, _)| *name).collect();
    let signature = signature(method, target, &header_map(&pairs), &names);
    let names = names.join(";");
    let authorization = format!("{ALGORITHM} Credential={KEY}/{SCOPE}, SignedHeaders={names}, Signature={signature}");
    pairs.push(("authorization", &authorization));
    head(method, target, &pairs)
}

fn signed_in_query(method: &str, path: &str, parameters: &[(&str, &str)]) -> String {
    let credential = format!("{KEY}/{SCOPE}");
    let about_signature = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", TIMESTAMP),
        ("X-Amz-Expires", "300"),
        ("X-Amz-SignedHeaders", "host"),
    ];
    let pairs = parameters.iter().chain(&about_signature);
    let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let (target, headers) = (format!("{path}?{}", pairs.join("&")), [("host", "lake.test")]);
    let signature = signature(method, &target, &header_map(&headers), &["host"]);
    head(method, &format!("{target}&X-Amz-Signature={signature}"), &headers)
}

fn signed_with_version_2(method: &str, path: &str) -> String {
    let expires = now().timestamp() + 300;
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("because HMAC takes keys of any length");
    mac.update(format!("{method}\n\n\n{expires}\n{path}").as_bytes());
    let signature = encoded(&BASE64.encode(mac.finalize().into_bytes()));
    let target = format!("{path}?AWSAccessKeyId={KEY}&Expires={expires}&Signature={signature}");
    head(method, &target, &[("host", "lake.test")])
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::try_from(*name).expect("because it's a header's name");
        (name, HeaderValue::from_str(value).expect("because it's a header's value"))
    };
    pairs.iter().map(pair).collect()
}

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\n{lines}\r\n")
}

/// How a body is framed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Whether each chunk is signed.
    pub(crate) signed: bool,
    /// Whether fields follow the last chunk.
    pub(crate) trailer: bool,
}

/// All forms that there are.
pub(crate) const FORMS: [Form; 3] = [
    Form { signed: true, trailer: false },
    Form { signed: true, trailer: true },
    Form { signed: false, trailer: true },
];

/// Bodies, in chunks.
pub(super) fn bodies() -> Vec<Vec<Vec<u8>>> {
    vec![vec![], vec![b"hello".to_vec()], vec![b"hello ".to_vec(), vec![b'w'; 300], b"orld\r\n0\r\n\r\n".to_vec()]]
}

/// The fields of a trailer.
pub(crate) fn fields(form: Form) -> Vec<(String, String)> {
    let field = ("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned());
    if form.trailer { vec![field] } else { vec![] }
}

/// What verifies the chunks of [`frame`].
pub(crate) fn chunk_signer() -> ChunkSigner {
    ChunkSigner::new(signing_key(), TIMESTAMP, SCOPE, FIRST)
}

/// Frames and signs, as the documentation says it, independently of the decoder.
pub(crate) fn frame(chunks: &[Vec<u8>], form: Form, fields: &[(String, String)]) -> Vec<u8> {
    let (mut out, mut previous) = (Vec::new(), FIRST.to_owned());
    let key = signing_key();
    let empty = Vec::new();
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()).chain([&empty]) {
        let digests = format!("{EMPTY}\n{}", hex::encode(Sha256::digest(chunk)));
        previous = key.sign(&format!("AWS4-HMAC-SHA256-PAYLOAD\n{TIMESTAMP}\n{SCOPE}\n{previous}\n{digests}"));
        let extension = if form.signed { format!(";chunk-signature={previous}") } else { String::new() };
        out.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        if !chunk.is_empty() {
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
    }
    for (name, value) in fields {
        out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
    }
    if form.trailer && form.signed {
        let lines: String = fields.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let hash = hex::encode(Sha256::digest(lines));
        let signature = key.sign(&format!("AWS4-HMAC-SHA256-TRAILER\n{TIMESTAMP}\n{SCOPE}\n{previous}\n{hash}"));
        out.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

const DOCUMENTS: [&str; 6] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
     <Object><Key>main/a&amp;b&#x9;</Key><VersionId>null</VersionId></Object>\
     <Object><Key> main/<![CDATA[<c>]]> </Key><ETag>\"0\"</ETag></Object><Quiet>true</Quiet></Delete>",
    "<Delete><!-- one --><Object><Key>\u{e9}</Key></Object></Delete>",
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>\
     </Part><Part><ETag>x</ETag><PartNumber>10000</PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>\
     </CompleteMultipartUpload>",
    "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
    "<Tagging><TagSet><Tag><Key>team</Key><Value>a b</Value></Tag><Tag><Value/><Key>k</Key></Tag></TagSet></Tagging>",
    "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><Delete><Object><Key>&a;</Key></Object></Delete>",
];
