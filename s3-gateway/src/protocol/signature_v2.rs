//! AWS Signature Version 2: in the query and in forms, which boto3 still signs so against custom endpoints, and in a header,
//! which old clients send. Refuses what it doesn't cover, such as a listing, whose prefix isn't signed. Invariant: whatever
//! chooses an operation or changes an answer is covered: subresources, overrides of headers, `x-amz-*` headers,
//! Content-Type and Content-MD5.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::request::Parts;
use object_http::parse_http_date;
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use super::Address;
use super::canonical::candidate_paths;
use super::error::{ErrorCode, S3Error};
use super::headers::single;
use super::operation::Operation;
use super::parameters;
use super::query::Query;
use super::signature_v4::{EXPIRES_SECONDS_MAX, SKEW_MINUTES_MAX, check_skew, expired, parse_timestamp};

/// The query parameters that the signature covers.
const SIGNED_PARAMETERS: [&str; 35] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// What a request says of its signature; nothing of it is proven yet, but its dates hold.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) access_key_id: String,
    signature: Vec<u8>,
    /// The line of the string to sign that says when: the end of a pre-signed URL, or the `Date` header.
    time: String,
}

impl Claim {
    /// Reads the query of a pre-signed URL.
    ///
    /// # Errors
    /// AccessDenied when it has expired, lives longer than seven days, or lacks a parameter.
    pub(crate) fn of_query(query: &Query, now: DateTime<Utc>) -> Result<Self, S3Error> {
        let denied = |why: String| S3Error::new(ErrorCode::AccessDenied, why);
        let parameter = |name: &str| match query.get(name) {
            Some(value) if !query.repeats(name) && !value.is_empty() => Ok(value),
            _ => Err(denied(format!("Query-string authentication requires exactly one {name}."))),
        };
        let expires = parameter("Expires")?;
        let end = expires
            .parse()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .ok_or_else(|| denied(format!("Invalid date (should be seconds since epoch): {expires}")))?;
        if end < now {
            return Err(expired(end, now));
        }
        if end - now > Duration::seconds(EXPIRES_SECONDS_MAX) + Duration::minutes(SKEW_MINUTES_MAX) {
            return Err(denied(format!("Expires is more than {EXPIRES_SECONDS_MAX} seconds ahead; sign for less.")));
        }
        Ok(Self {
            access_key_id: parameter("AWSAccessKeyId")?.to_owned(),
            signature: BASE64.decode(parameter("Signature")?).map_err(|_| ErrorCode::SignatureDoesNotMatch)?,
            time: expires.to_owned(),
        })
    }

    /// Reads what follows `AWS ` in an `Authorization` header: `KEY:signature`.
    ///
    /// # Errors
    /// AccessDenied without a date, RequestTimeTooSkewed, InvalidArgument for what can't be a signature.
    pub(crate) fn of_header(credential: &str, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Self, S3Error> {
        let (access_key_id, signature) = credential.split_once(':').ok_or_else(|| {
            S3Error::invalid_argument(
                "Authorization",
                credential,
                "AWS authorization header is invalid.  Expected AWS KEY:signature",
            )
        })?;
        // With the other date, which is signed among the `x-amz-*` headers, the line is empty.
        let other = single(headers, "x-amz-date")?;
        let date = single(headers, "date")?.filter(|_| other.is_none()).unwrap_or_default();
        let time = parse_date(other.unwrap_or(date)).ok_or_else(|| {
            S3Error::new(ErrorCode::AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
        })?;
        check_skew(time, now)?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            signature: BASE64.decode(signature).map_err(|_| ErrorCode::SignatureDoesNotMatch)?,
            time: date.to_owned(),
        })
    }

    /// Verifies the signature. `headers` are the effective ones: those sent, and those moved into the query.
    ///
    /// # Errors
    /// SignatureDoesNotMatch, with what was signed here so that a client's author can compare.
    pub(crate) fn verify(
        &self,
        parts: &Parts,
        address: &Address,
        query: &Query,
        headers: &HeaderMap,
        secret: &SecretString,
    ) -> Result<(), S3Error> {
        let paths = paths(address, parts.uri.path());
        let to_sign = |path: &str| {
            let header = |name: &str| joined(headers, name);
            let first =
                [parts.method.as_str().as_bytes(), &header("content-md5"), &header("content-type")].join(&b'\n');
            let resource = resource(path, query);
            let time = self.time.as_bytes();
            [first.as_slice(), b"\n", time, b"\n", &amz_headers(headers), resource.as_bytes()].concat()
        };
        match paths.iter().any(|path| is_signature(&self.signature, &to_sign(path), secret)) {
            true => Ok(()),
            false => Err(S3Error::from(ErrorCode::SignatureDoesNotMatch)
                .with_detail("AWSAccessKeyId", &self.access_key_id)
                .with_detail("StringToSign", String::from_utf8_lossy(&to_sign(&paths[0])))
                .with_detail("SignatureProvided", BASE64.encode(&self.signature))),
        }
    }
}

/// Whether a form's policy is signed so: base64 of its bytes as they stand in the form, and base64 of the signature.
pub(crate) fn verifies(policy: &str, signature: &str, secret: &SecretString) -> bool {
    BASE64.decode(signature).is_ok_and(|signature| is_signature(&signature, policy.as_bytes(), secret))
}

fn is_signature(signature: &[u8], signed: &[u8], secret: &SecretString) -> bool {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.expose_secret().as_bytes()).expect("because HMAC takes keys of any length");
    mac.update(signed);
    mac.finalize().into_bytes().as_slice().ct_eq(signature).into()
}

/// Refuses a pre-signed URL of anything but a read or write of one object or part.
///
/// # Errors
/// InvalidRequest.
pub(crate) fn check_url(operation: &Operation) -> Result<(), S3Error> {
    use Operation::{GetObject, HeadObject, PutObject, UploadPart};
    match operation {
        GetObject { .. } | HeadObject { .. } | PutObject { .. } | UploadPart { .. } => Ok(()),
        other => Err(not_covered(other)),
    }
}

/// Refuses an operation, signed in its header, that has a parameter which the signature doesn't cover.
///
/// # Errors
/// InvalidRequest.
pub(crate) fn check_covered(operation: &Operation) -> Result<(), S3Error> {
    match parameters::of(operation).iter().all(|name| SIGNED_PARAMETERS.contains(name)) {
        true => Ok(()),
        false => Err(not_covered(operation)),
    }
}

fn not_covered(operation: &Operation) -> S3Error {
    S3Error::invalid_request(format!(
        "AWS Signature Version 2 doesn't cover the parameters of {}. Please use AWS4-HMAC-SHA256.",
        operation.name()
    ))
}

/// A date as old clients write it: as in mails, with a zone in digits or letters, or as version 4 does.
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let of_mail = || DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc());
    parse_http_date(text).or_else(of_mail).or_else(|| parse_timestamp(text))
}

/// The paths under which a request may have been signed, with the bucket before them. That of a bucket itself is signed
/// with a slash at its end or without; both mean the bucket.
fn paths(address: &Address, raw: &str) -> Vec<String> {
    let with_bucket = |path: String| match &address.bucket {
        Some(bucket) if address.virtual_host => format!("/{bucket}{path}"),
        _ => path,
    };
    let mut paths: Vec<_> = candidate_paths(raw).into_iter().map(with_bucket).collect();
    if let (Some(bucket), None) = (&address.bucket, &address.key) {
        paths.extend([format!("/{bucket}"), format!("/{bucket}/")]);
    }
    paths
}

/// The path, and the signed parameters.
fn resource(path: &str, query: &Query) -> String {
    let mut resource = path.to_owned();
    let mut signed: Vec<_> = query.pairs().filter(|(name, _)| SIGNED_PARAMETERS.contains(name)).collect();
    signed.sort();
    for (i, (name, value)) in signed.into_iter().enumerate() {
        resource.push(if i == 0 { '?' } else { '&' });
        resource.push_str(name);
        if !value.is_empty() {
            resource.push('=');
            resource.push_str(value);
        }
    }
    resource
}

/// `name:value` of every `x-amz-*` header, a line each, in order.
fn amz_headers(headers: &HeaderMap) -> Vec<u8> {
    let mut names: Vec<&str> = headers.keys().map(|n| n.as_str()).filter(|n| n.starts_with("x-amz-")).collect();
    names.sort_unstable();
    names.iter().flat_map(|name| [name.as_bytes(), b":", &joined(headers, name), b"\n"].concat()).collect()
}

fn joined(headers: &HeaderMap, name: &str) -> Vec<u8> {
    headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii()).collect::<Vec<_>>().join(&b',')
}
