//! A small S3 client over raw HTTP/1.1. Signs with `aws-sigv4`, so that the gateway is held against code that isn't
//! ours; sends exactly the path that it is given.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::{SigningParams, sign_chunk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::TokioIo;
use md5::{Digest as _, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::forms::Form;

/// S3's encoding of keys: all but unreserved characters and slashes.
const KEY_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const QUERY_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The bytes of a key in a path.
pub(crate) fn encoded(key: &str) -> String {
    utf8_percent_encode(key, KEY_ESCAPES).to_string()
}

/// How a body travels, and what of it is signed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Signed,
    Unsigned,
    ChunksSigned,
    ChunksSignedWithTrailer,
    ChunksUnsignedWithTrailer,
}

impl Mode {
    pub(crate) const ALL: [Self; 5] = [
        Self::Signed,
        Self::Unsigned,
        Self::ChunksSigned,
        Self::ChunksSignedWithTrailer,
        Self::ChunksUnsignedWithTrailer,
    ];

    fn header(self) -> &'static str {
        match self {
            Self::Signed => "",
            Self::Unsigned => "UNSIGNED-PAYLOAD",
            Self::ChunksSigned => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::ChunksSignedWithTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::ChunksUnsignedWithTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    pub(crate) fn is_chunked(self) -> bool {
        self.header().starts_with("STREAMING")
    }
}

#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// If they are a session's.
    pub(crate) token: Option<String>,
}

/// A request to be signed and sent.
#[derive(Clone)]
pub(crate) struct Req {
    pub(crate) addr: SocketAddr,
    pub(crate) keys: Keys,
    pub(crate) method: Method,
    /// Path and query, as they go over the wire.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) mode: Mode,
    /// Bytes of a chunk in the chunked modes.
    pub(crate) chunk: usize,
    /// The trailer of the modes that have one.
    pub(crate) trailer: (String, String),
    pub(crate) time: SystemTime,
    /// What it is signed for.
    pub(crate) service: &'static str,
    /// Send chunked without Content-Length, as clients do over TLS.
    pub(crate) no_length: bool,
    /// The fields of an HTML form whose file the body is; the form is signed then, and nothing else.
    pub(crate) form: Option<Form>,
    /// Changes the bytes that are sent after signing.
    pub(crate) tamper: bool,
}

impl Req {
    pub(crate) fn new(addr: SocketAddr, keys: &Keys, method: Method, target: impl Into<String>) -> Self {
        Self {
            addr,
            keys: keys.clone(),
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            mode: Mode::Signed,
            chunk: 64 * 1024,
            trailer: (String::new(), String::new()),
            service: "s3",
            time: SystemTime::now(),
            no_length: false,
            form: None,
            tamper: false,
        }
    }

    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        for (name, value) in pairs {
            self.target.push(if self.target.contains('?') { '&' } else { '?' });
            self.target.push_str(name);
            self.target.push('=');
            self.target.push_str(&utf8_percent_encode(value, QUERY_ESCAPES).to_string());
        }
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn trailer(mut self, name: &str, value: impl Into<String>) -> Self {
        self.trailer = (name.to_owned(), value.into());
        self
    }

    /// The headers that go along, signed; and the chunked modes' framed body.
    pub(crate) fn signed(&self) -> (Vec<(String, String)>, Bytes) {
        if let Some(form) = &self.form {
            return form.signed(self);
        }
        let host = self.headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host.clone());
        let mut headers = vec![("host".to_owned(), host.unwrap_or_else(|| self.addr.to_string()))];
        headers.extend(self.headers.iter().filter(|(name, _)| name != "host").cloned());
        if self.mode.is_chunked() {
            headers.push(("content-encoding".into(), "aws-chunked".into()));
            headers.push(("x-amz-decoded-content-length".into(), self.body.len().to_string()));
            if !self.trailer.0.is_empty() {
                headers.push(("x-amz-trailer".into(), self.trailer.0.clone()));
            }
        }
        let identity = Credentials::new(&self.keys.id, &self.keys.secret, self.keys.token.clone(), None, "test").into();
        let params = || {
            let builder = SigningParams::builder().identity(&identity).region("us-east-1").name(self.service);
            builder.time(self.time).settings(settings(SignatureLocation::Headers)).build().unwrap()
        };
        let payload = match self.mode {
            Mode::Signed => SignableBody::Bytes(&self.body),
            Mode::Unsigned => SignableBody::UnsignedPayload,
            _ => SignableBody::Precomputed(self.mode.header().to_owned()),
        };
        let uri = format!("http://{}{}", headers[0].1, self.target);
        let to_sign = headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let request = SignableRequest::new(self.method.as_str(), uri, to_sign, payload).unwrap();
        let (instructions, signature) = sign(request, &params().into()).unwrap().into_parts();
        headers.extend(instructions.headers().map(|(n, v)| (n.to_owned(), v.to_owned())));
        let body = match self.mode.is_chunked() {
            true => self.framed(&signature, &params()),
            false => self.body.clone(),
        };
        (headers, body)
    }

    fn framed(&self, seed: &str, params: &SigningParams<'_, SigningSettings>) -> Bytes {
        let is_signed = self.mode != Mode::ChunksUnsignedWithTrailer;
        let mut signature = seed.to_owned();
        let mut framed = Vec::new();
        for chunk in self.body.chunks(self.chunk).chain([&[][..]]) {
            framed.extend(format!("{:x}", chunk.len()).into_bytes());
            if is_signed {
                signature = sign_chunk(&Bytes::copy_from_slice(chunk), &signature, params).unwrap().into_parts().1;
                framed.extend(format!(";chunk-signature={signature}").into_bytes());
            }
            framed.extend(b"\r\n");
            framed.extend(chunk);
            if !chunk.is_empty() {
                framed.extend(b"\r\n");
            }
        }
        if !self.trailer.0.is_empty() {
            let (name, value) = &self.trailer;
            framed.extend(format!("{name}:{value}\r\n").into_bytes());
            if is_signed {
                framed.extend(format!("x-amz-trailer-signature:{}\r\n", self.trailer_signature(&signature)).bytes());
            }
        }
        framed.extend(b"\r\n");
        framed.into()
    }

    /// Computed here: `aws-sigv4` takes trailers only as a type of a crate that we don't depend on.
    fn trailer_signature(&self, previous: &str) -> String {
        use sha2::Sha256;
        let time = chrono::DateTime::<chrono::Utc>::from(self.time);
        let (name, value) = &self.trailer;
        let hash = hex::encode(Sha256::digest(format!("{name}:{value}\n").as_bytes()));
        let scope = format!("{}/us-east-1/s3/aws4_request", time.format("%Y%m%d"));
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{}\n{scope}\n{previous}\n{hash}", time.format("%Y%m%dT%H%M%SZ"));
        let key = aws_sigv4::sign::v4::generate_signing_key(&self.keys.secret, self.time, "us-east-1", "s3");
        aws_sigv4::sign::v4::calculate_signature(key, text.as_bytes())
    }

    /// Signs and sends.
    pub(crate) async fn send(self) -> Res {
        let (headers, mut body) = self.signed();
        if self.tamper {
            let mut bytes = body.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            body = bytes.into();
        }
        self.send_as(headers, body).await
    }

    /// Sends without any signature.
    pub(crate) async fn send_unsigned(self) -> Res {
        let (headers, body) = match &self.form {
            Some(form) => form.unsigned(&self),
            None => {
                let host = vec![("host".to_owned(), self.addr.to_string())];
                ([host, self.headers.clone()].concat(), self.body.clone())
            }
        };
        self.send_as(headers, body).await
    }

    async fn send_as(self, headers: Vec<(String, String)>, body: Bytes) -> Res {
        let pieces = match self.no_length {
            false => None,
            true => Some(stream::iter(body.chunks(10_000).map(Bytes::copy_from_slice).collect::<Vec<_>>()).boxed()),
        };
        send(self.addr, self.method, &self.target, &headers, body, pieces).await
    }

    /// The pre-signed target (version 4).
    pub(crate) fn presigned(&self, expires: Duration) -> String {
        let identity = Credentials::new(&self.keys.id, &self.keys.secret, self.keys.token.clone(), None, "test").into();
        let mut settings = settings(SignatureLocation::QueryParams);
        settings.expires_in = Some(expires);
        let params = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(self.time)
            .settings(settings)
            .build()
            .unwrap();
        let uri = format!("http://{}{}", self.addr, self.target);
        let host = self.addr.to_string();
        let headers = [("host", host.as_str())].into_iter();
        let headers = headers.chain(self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let request = SignableRequest::new(self.method.as_str(), uri, headers, SignableBody::UnsignedPayload).unwrap();
        let (instructions, _) = sign(request, &params.into()).unwrap().into_parts();
        let mut signed = self.clone();
        for (name, value) in instructions.params() {
            signed = signed.query(&[(name, value)]);
        }
        signed.target
    }
}

fn settings(location: SignatureLocation) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = location;
    settings
}

/// Sends a request as it is, on a connection of its own. `pieces` replaces the body, without Content-Length.
pub(crate) async fn send(
    addr: SocketAddr,
    method: Method,
    target: &str,
    headers: &[(String, String)],
    body: Bytes,
    pieces: Option<BoxStream<'static, Bytes>>,
) -> Res {
    let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let body = match pieces {
        Some(pieces) => BodyExt::boxed_unsync(StreamBody::new(pieces.map(|b| Ok::<_, hyper::Error>(Frame::data(b))))),
        None => http_body_util::Full::new(body).map_err(|never| match never {}).boxed_unsync(),
    };
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
    connection.abort();
    Res { status: parts.status, headers: parts.headers, body: body.map_err(|e| e.to_string()) }
}

/// An answer, read to its end; the body is an error if the connection ended early.
#[derive(Debug)]
pub(crate) struct Res {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Result<Bytes, String>,
}

impl Res {
    pub(crate) fn bytes(&self) -> &Bytes {
        self.body.as_ref().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap()
    }

    /// A header, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| std::str::from_utf8(value.as_bytes()).unwrap())
    }

    pub(crate) fn e_tag(&self) -> &str {
        self.get("etag")
    }

    /// The texts of an XML element, wherever it stands.
    pub(crate) fn all(&self, element: &str) -> Vec<String> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.text().split(open.as_str()).skip(1);
        parts.map(|part| unescaped(part.split(close.as_str()).next().unwrap())).collect()
    }

    /// The text of an XML element, or nothing.
    pub(crate) fn one(&self, element: &str) -> String {
        self.all(element).into_iter().next().unwrap_or_default()
    }

    /// Checks the status, with the body in the message.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert!(!self.get("x-amz-request-id").is_empty(), "every answer has a request id: {self:?}");
        self
    }

    /// Checks status and code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Self {
        let this = self.expect(status);
        assert_eq!(this.one("Code"), code, "{this:?}");
        this
    }
}

fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

/// An ETag as the gateway must compute it, quoted.
pub(crate) fn md5_e_tag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Md5::digest(bytes)))
}

/// The header value of Content-MD5.
pub(crate) fn content_md5(bytes: &[u8]) -> String {
    BASE64.encode(Md5::digest(bytes))
}

/// The header value of `x-amz-checksum-crc32`.
pub(crate) fn crc32(bytes: &[u8]) -> String {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes);
    BASE64.encode(&crc.to_be_bytes()[4..])
}

/// The header value of `x-amz-checksum-sha256`.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    BASE64.encode(sha2::Sha256::digest(bytes))
}
