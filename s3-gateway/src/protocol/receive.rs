//! The one way into the gateway: verifies who signed a request and types what it asks for. Leaves who holds which key
//! to a [`KeyLookup`]. Invariant: only [`Receiver`] makes an [`Authenticated`], after the signature matched.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use object_http::request_host;
use secrecy::SecretString;

use super::address::Address;
use super::body::{self, BodyError, BodyStream, BoxError, Checksums, Receipt};
use super::checksum::ChecksumAlgorithm;
use super::error::{ErrorCode, S3Error};
use super::headers::single;
use super::operation::Operation;
use super::payload::{ChunkSigner, Payload, UNSIGNED};
use super::post_form::{Asked, Form, Version};
use super::query::Query;
use super::signature_v4::Service;
use super::signing_key::SigningKeys;
use super::{checksum, signature_v2, signature_v4};

/// Who holds which access key.
#[async_trait]
pub trait KeyLookup: Send + Sync {
    /// The secret of an access key, which a session token may come with; none when nobody holds it.
    ///
    /// # Errors
    /// What the caller shall be told when keys can't be read, such as ServiceUnavailable.
    async fn secret(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Option<SecretString>, S3Error>;
}

/// Proof that a request was signed with an access key's secret.
#[derive(Debug)]
pub struct Authenticated {
    access_key_id: String,
}

impl Authenticated {
    /// The key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }
}

/// A request whose signature was verified.
#[derive(Debug)]
pub struct Request {
    /// Who signed it.
    pub authenticated: Authenticated,
    /// What it is about.
    pub address: Address,
    /// What it asks for.
    pub operation: Operation,
    /// Its headers as the signer meant them: those received, and those moved into a pre-signed URL.
    pub headers: HeaderMap,
    payload: Payload,
    /// How many bytes the body may have.
    bytes: RangeInclusive<u64>,
}

/// Verifies requests; keeps derived signing keys.
#[derive(Debug)]
pub struct Receiver {
    domains: Vec<String>,
    version_2: bool,
    signing_keys: SigningKeys,
}

/// What carries a session token.
const SESSION_TOKEN: &str = "x-amz-security-token";

/// Where a request's signature stands.
enum Mechanism<'a> {
    HeaderV4(&'a str),
    /// What follows `AWS `.
    HeaderV2(&'a str),
    QueryV4,
    QueryV2,
}

impl Receiver {
    /// Makes a receiver for which `BUCKET.domain` names a bucket, for each of `domains`.
    pub fn new(domains: Vec<String>) -> Self {
        Self { domains, version_2: false, signing_keys: SigningKeys::default() }
    }

    /// The same receiver, which takes signature version 2 in headers and forms too, or doesn't.
    #[must_use]
    pub fn with_version_2(self, taken: bool) -> Self {
        Self { version_2: taken, ..self }
    }

    /// Verifies a request and types it. Reads nothing of the body, so a client that sent `Expect: 100-continue` keeps
    /// its bytes when it is refused.
    ///
    /// # Errors
    /// AccessDenied, SignatureDoesNotMatch, RequestTimeTooSkewed and the like; NotImplemented for what isn't
    /// known; what the lookup says.
    pub async fn receive(&self, parts: &Parts, keys: &dyn KeyLookup, now: DateTime<Utc>) -> Result<Request, S3Error> {
        let address = Address::of(parts, &self.domains)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        let mut headers = with_host(parts)?;
        let token = session_token(&headers, &query)?;
        let token = token.as_deref();
        let mechanism = Mechanism::of(&headers, &query, self.version_2)?;
        let asked = query.without(|name| mechanism.reads(name));
        let check = match mechanism {
            Mechanism::HeaderV4(_) | Mechanism::QueryV4 => |_: &Operation| Ok(()),
            Mechanism::HeaderV2(_) => signature_v2::check_covered,
            Mechanism::QueryV2 => signature_v2::check_url,
        };
        let (access_key_id, payload) = match mechanism {
            Mechanism::HeaderV4(authorization) => {
                let claim = signature_v4::Claim::of_header(authorization, &headers, now, Service::S3, None)?;
                self.verify_v4(claim, parts, &query, &headers, keys, token).await?
            }
            Mechanism::QueryV4 => {
                let claim = signature_v4::Claim::of_query(&query, &headers, now)?;
                let verified = self.verify_v4(claim, parts, &query, &headers, keys, token).await?;
                move_into_headers(&query, &mut headers, |n| {
                    is_amz(n) && !is_about_signature(n) && !is_about_checksum(n)
                })?;
                verified
            }
            Mechanism::HeaderV2(credential) => {
                let claim = signature_v2::Claim::of_header(credential, &headers, now)?;
                verify_v2(claim, parts, &address, &query, &headers, keys, token).await?
            }
            Mechanism::QueryV2 => {
                let claim = signature_v2::Claim::of_query(&query, now)?;
                move_into_headers(&query, &mut headers, is_moved_by_v2)?;
                verify_v2(claim, parts, &address, &query, &headers, keys, token).await?
            }
        };
        if let Some(name) = query.ambiguous() {
            return Err(S3Error::invalid_request(format!(
                "The parameter {name} is there with several values. Send one."
            )));
        }
        // It has done its work, and is nobody else's business.
        headers.remove(SESSION_TOKEN);
        let operation = Operation::parse(&parts.method, &address, &asked, &headers)?;
        check(&operation)?;
        Ok(Request {
            authenticated: Authenticated { access_key_id },
            address,
            operation,
            headers,
            payload,
            bytes: 0..=body::UPLOAD_BYTES_MAX,
        })
    }

    /// Verifies an upload by a form, whose fields are read already, and types it.
    ///
    /// # Errors
    /// As [`Self::receive`], and AccessDenied for what the form's policy doesn't allow.
    pub(crate) async fn receive_form(
        &self,
        parts: &Parts,
        form: &Form,
        keys: &dyn KeyLookup,
        now: DateTime<Utc>,
    ) -> Result<Request, S3Error> {
        let address = Address::of(parts, &self.domains)?;
        if address.bucket.is_none() || address.key.is_some() {
            return Err(S3Error::from(ErrorCode::MethodNotAllowed).with_detail("Method", "POST"));
        }
        let claim = form.claim()?;
        if claim.version == Version::Two && !self.version_2 {
            return Err(unsupported());
        }
        let secret = secret(keys, claim.session_token, claim.access_key_id).await?;
        let is_signed = match claim.version {
            Version::Two => signature_v2::verifies(claim.policy, claim.signature, &secret),
            Version::Four { day, region } => {
                let key = self.signing_keys.get(claim.access_key_id, &secret, day, region);
                let is_signed = key.verifies(claim.policy, claim.signature);
                if is_signed {
                    self.signing_keys.keep(claim.access_key_id, &secret, day, region, &key);
                }
                is_signed
            }
        };
        if !is_signed {
            return Err(S3Error::from(ErrorCode::SignatureDoesNotMatch)
                .with_detail("AWSAccessKeyId", claim.access_key_id)
                .with_detail("StringToSign", claim.policy)
                .with_detail("SignatureProvided", claim.signature));
        }
        let Asked { address, operation, headers, length } = form.asked(&address, &with_host(parts)?, now)?;
        let authenticated = Authenticated { access_key_id: claim.access_key_id.to_owned() };
        let payload = Payload::Plain { sha256: None };
        Ok(Request { authenticated, address, operation, headers, payload, bytes: length })
    }

    async fn verify_v4(
        &self,
        claim: signature_v4::Claim,
        parts: &Parts,
        query: &Query,
        headers: &HeaderMap,
        keys: &dyn KeyLookup,
        token: Option<&str>,
    ) -> Result<(String, Payload), S3Error> {
        let secret = secret(keys, token, &claim.access_key_id).await?;
        let key = self.signing_keys.get(&claim.access_key_id, &secret, &claim.day, &claim.region);
        let signer = ChunkSigner::new(key.clone(), &claim.timestamp, &claim.scope(), &claim.signature);
        let payload = Payload::parse(&claim.payload, Some(signer))?;
        claim.verify(parts, query, headers, &key)?;
        self.signing_keys.keep(&claim.access_key_id, &secret, &claim.day, &claim.region, &key);
        Ok((claim.access_key_id, payload))
    }
}

async fn verify_v2(
    claim: signature_v2::Claim,
    parts: &Parts,
    address: &Address,
    query: &Query,
    headers: &HeaderMap,
    keys: &dyn KeyLookup,
    token: Option<&str>,
) -> Result<(String, Payload), S3Error> {
    let payload = Payload::parse(single(headers, "x-amz-content-sha256")?.unwrap_or(UNSIGNED), None)?;
    let secret = secret(keys, token, &claim.access_key_id).await?;
    claim.verify(parts, address, query, headers, &secret)?;
    Ok((claim.access_key_id, payload))
}

impl<'a> Mechanism<'a> {
    fn of(headers: &'a HeaderMap, query: &Query, version_2: bool) -> Result<Self, S3Error> {
        let authorization = single(headers, header::AUTHORIZATION.as_str())?;
        let query_v4 = query.has("X-Amz-Algorithm") || query.has("X-Amz-Credential") || query.has("X-Amz-Signature");
        let query_v2 = query.has("AWSAccessKeyId") && query.has("Signature");
        match (authorization, query_v4, query_v2) {
            (Some(text), false, false) => Self::of_header(text, version_2),
            (None, true, false) => Ok(Self::QueryV4),
            (None, false, true) => Ok(Self::QueryV2),
            (None, false, false) => {
                Err(S3Error::new(ErrorCode::AccessDenied, "Access Denied. Sign the request: nothing is public here."))
            }
            _ => Err(S3Error::invalid_argument(
                "Authorization",
                authorization.unwrap_or_default(),
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
            )),
        }
    }

    /// Whether a parameter is the signature's own or was moved from the headers: it says nothing of the operation by
    /// itself.
    fn reads(&self, name: &str) -> bool {
        let header = name.to_ascii_lowercase();
        match self {
            Self::HeaderV4(_) => header == SESSION_TOKEN,
            Self::HeaderV2(_) => false,
            Self::QueryV4 => is_amz(&header),
            Self::QueryV2 => is_moved_by_v2(&header) || matches!(name, "AWSAccessKeyId" | "Expires" | "Signature"),
        }
    }

    fn of_header(text: &'a str, version_2: bool) -> Result<Self, S3Error> {
        match text.split_once(' ') {
            Some((signature_v4::ALGORITHM, _)) => Ok(Self::HeaderV4(text)),
            Some(("AWS", credential)) if version_2 => Ok(Self::HeaderV2(credential)),
            Some(("AWS4-ECDSA-P256-SHA256", _)) => Err(S3Error::not_implemented("AWS4-ECDSA-P256-SHA256")),
            _ => Err(unsupported()),
        }
    }
}

fn unsupported() -> S3Error {
    S3Error::invalid_request(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256: in boto3, \
         Config(signature_version=\"s3v4\"). Or the server's operator takes version 2, by --s3-signature-v2.",
    )
}

/// The session token of a request, in a header or in a pre-signed URL. Both places are signed.
pub(super) fn session_token(headers: &HeaderMap, query: &Query) -> Result<Option<String>, S3Error> {
    let in_query = query.pairs().filter(|(name, _)| name.eq_ignore_ascii_case(SESSION_TOKEN));
    let mut found: Vec<_> = in_query.map(|(_, token)| token.to_owned()).collect();
    found.extend(single(headers, SESSION_TOKEN)?.map(str::to_owned));
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(S3Error::invalid_request("The session token is there more than once.")),
    }
}

pub(super) async fn secret(
    keys: &dyn KeyLookup,
    token: Option<&str>,
    access_key_id: &str,
) -> Result<SecretString, S3Error> {
    keys.secret(access_key_id, token)
        .await?
        .ok_or_else(|| S3Error::from(ErrorCode::InvalidAccessKeyId).with_detail("AWSAccessKeyId", access_key_id))
}

/// The headers with a `host` among them, as HTTP/2 has it elsewhere.
pub(super) fn with_host(parts: &Parts) -> Result<HeaderMap, S3Error> {
    let mut headers = parts.headers.clone();
    let host = request_host(&parts.uri, &parts.headers);
    let host = host.map_err(|_| S3Error::invalid_request("The host is there more than once. Send one Host header."))?;
    if let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
        headers.insert(header::HOST, host);
    }
    Ok(headers)
}

/// Gives the headers what signers moved into a pre-signed URL's query. A header that is there as well wins.
fn move_into_headers(query: &Query, headers: &mut HeaderMap, moves: impl Fn(&str) -> bool) -> Result<(), S3Error> {
    let mut moved = HeaderMap::new();
    for (name, value) in query.pairs() {
        let name = name.to_ascii_lowercase();
        if !moves(&name) || headers.contains_key(&name) {
            continue;
        }
        let refused = || S3Error::invalid_argument("query", &name, "No header can hold this parameter.");
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?;
        moved.append(HeaderName::try_from(&name).map_err(|_| refused())?, value);
    }
    headers.extend(moved);
    Ok(())
}

fn is_moved_by_v2(name: &str) -> bool {
    is_amz(name) || matches!(name, "content-md5" | "content-type")
}

fn is_amz(name: &str) -> bool {
    name.starts_with("x-amz-")
}

fn is_about_signature(name: &str) -> bool {
    matches!(
        name,
        "x-amz-algorithm"
            | "x-amz-credential"
            | "x-amz-date"
            | "x-amz-expires"
            | "x-amz-signedheaders"
            | "x-amz-signature"
            | "x-amz-content-sha256"
    )
}

/// Whether a parameter speaks of the body's checksum. S3 ignores those in the query: an SDK that pre-signs has no body
/// yet, and puts in the checksum of nothing.
fn is_about_checksum(name: &str) -> bool {
    name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm"
}

impl Request {
    /// The bytes that the body holds once it is unframed, if the client said so.
    pub fn length(&self) -> Option<u64> {
        body::declared_length(&self.headers, &self.payload).ok().flatten()
    }

    /// Whether the client gave any digest of the body, signed hash aside (DeleteObjects wants one).
    pub fn has_body_digest(&self) -> bool {
        let is_digest =
            |name: &str| name == "content-md5" || name == "x-amz-trailer" || checksum::is_value_header(name);
        self.headers.keys().any(|name| is_digest(name.as_str()))
    }

    /// Unframes and verifies the body. The stream's errors are boxed [`BodyError`]s; bytes are to be trusted only when
    /// the stream ended without one, and then the receipt tells what was verified.
    ///
    /// # Errors
    /// InvalidRequest, InvalidDigest and the like, for headers that contradict each other or can't be read.
    pub fn open_body<S, E>(&self, raw: S) -> Result<(BodyStream, Receipt), S3Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let checksums = match self.operation {
            Operation::CompleteMultipartUpload { .. } => Checksums::OfObject,
            _ => Checksums::OfBody(None),
        };
        self.open_body_with(raw, checksums)
    }

    /// The same of a body whose checksum is needed: if the client sends none, it is computed.
    ///
    /// # Errors
    /// As [`Self::open_body`].
    pub fn open_body_for<S, E>(
        &self,
        raw: S,
        needed: Option<ChecksumAlgorithm>,
    ) -> Result<(BodyStream, Receipt), S3Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.open_body_with(raw, Checksums::OfBody(needed))
    }

    fn open_body_with<S, E>(&self, raw: S, checksums: Checksums) -> Result<(BodyStream, Receipt), S3Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let (body, receipt) = body::open(&self.headers, self.payload.clone(), checksums, raw)?;
        Ok((body::within(body, self.bytes.clone()), receipt))
    }

    /// Reads a whole small body, such as XML, verified.
    ///
    /// # Errors
    /// MaxMessageLengthExceeded above `bytes_max`, and whatever [`Self::open_body`] and its stream refuse.
    pub async fn read_body<S, E>(&self, raw: S, bytes_max: usize) -> Result<Bytes, S3Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        use futures::StreamExt as _;

        let (mut stream, _receipt) = self.open_body(raw)?;
        let mut whole = Vec::new();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|e| BodyError::find(&e).unwrap_or_else(|| ErrorCode::IncompleteBody.into()))?;
            if whole.len() + piece.len() > bytes_max {
                return Err(ErrorCode::MaxMessageLengthExceeded.into());
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }
}

#[cfg(test)]
mod tests;
