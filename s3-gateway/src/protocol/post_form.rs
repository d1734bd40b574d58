//! Uploads by HTML forms (`POST /bucket` of multipart/form-data): a form's fields, up to its file, and what they ask for once
//! the signature over the policy among them is verified. Owns the reading of forms, within bounds; leaves the policy to
//! `post_policy`. Invariant: a field either has a meaning here or is refused by its name, and its policy speaks of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream::{self, StreamExt as _};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::address::{self, Address};
use super::amz_headers;
use super::body::{BodyStream, BoxError, UPLOAD_BYTES_MAX};
use super::canonical::encoded;
use super::error::{ErrorCode, S3Error};
use super::operation::{FormAnswer, Operation};
use super::post_policy::Policy;
use super::signature_v4::{ALGORITHM, Scope, Service, parse_timestamp};
use super::xml::read;

/// The most bytes of a form before its file, as in S3.
const FIELDS_BYTES_MAX: usize = 20 << 10;

/// What stands in a field for the name that the file has where it comes from.
const FILE_NAME: &str = "${filename}";

/// The fields that say how the object shall be kept: they are headers of a PUT.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// The fields that sign the form.
const SIGNING: [&str; 7] = [
    "awsaccesskeyid",
    "signature",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
];

/// The tags of the object, as XML; in a PUT they are a header.
const TAGGING: &str = "tagging";
const TAGGING_HEADER: &str = "x-amz-tagging";

/// Headers that say how a request travels. A form has no such thing.
const OF_TRANSFER: [&str; 3] = ["x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"];

/// Whether a request is an upload by a form. Its signature is in the form, so it has none elsewhere.
pub(crate) fn is_form(parts: &Parts) -> bool {
    parts.method == Method::POST
        && parts.uri.query().is_none_or(str::is_empty)
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && boundary(parts).is_some()
}

fn boundary(parts: &Parts) -> Option<String> {
    multer::parse_boundary(parts.headers.get(header::CONTENT_TYPE)?.to_str().ok()?).ok()
}

/// The fields of a form before its file, by their names in lower case.
pub(crate) struct Form {
    fields: BTreeMap<String, String>,
}

/// What signs a form; nothing of it is proven yet.
pub(crate) struct Claim<'a> {
    pub(crate) access_key_id: &'a str,
    pub(crate) version: Version<'a>,
    pub(crate) session_token: Option<&'a str>,
    /// What is signed: the policy as it stands in the form.
    pub(crate) policy: &'a str,
    pub(crate) signature: &'a str,
}

/// How a form is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version<'a> {
    /// With the secret itself.
    Two,
    /// With a key for a day and a region.
    Four { day: &'a str, region: &'a str },
}

/// What a form asks for, as far as its policy allows.
pub(crate) struct Asked {
    pub(crate) address: Address,
    pub(crate) operation: Operation,
    /// The headers of the PUT that it amounts to.
    pub(crate) headers: HeaderMap,
    pub(crate) length: RangeInclusive<u64>,
}

impl Form {
    /// Reads a form's fields; gives the file's bytes unread.
    ///
    /// # Errors
    /// MalformedPOSTRequest; MaxPostPreDataLengthExceededError; InvalidArgument for a form without file, or with a field
    /// that is there twice.
    pub(crate) async fn read<S>(parts: &Parts, raw: S) -> Result<(Self, BodyStream), S3Error>
    where
        S: Stream<Item = Result<Bytes, BoxError>> + Send + Unpin + 'static,
    {
        let boundary = boundary(parts).ok_or(ErrorCode::MalformedPOSTRequest)?;
        let has_file = Arc::new(AtomicBool::new(false));
        let mut form = multer::Multipart::new(paced(raw, Arc::clone(&has_file)), boundary);
        let (mut fields, mut bytes) = (BTreeMap::new(), 0);
        while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().ok_or(ErrorCode::MalformedPOSTRequest)?.to_ascii_lowercase();
            if name == "file" {
                has_file.store(true, Ordering::Relaxed);
                expand(&mut fields, field.file_name().unwrap_or_default());
                let file = field.map(|piece| piece.map_err(cause)).boxed();
                return Ok((Self { fields }, file));
            }
            let mut value = Vec::new();
            while let Some(piece) = field.chunk().await.map_err(unreadable)? {
                value.extend_from_slice(&piece);
                if bytes + name.len() + value.len() > FIELDS_BYTES_MAX {
                    return Err(ErrorCode::MaxPostPreDataLengthExceededError.into());
                }
            }
            bytes += name.len() + value.len();
            let value = String::from_utf8(value).map_err(|_| {
                let why = format!("The field {name} isn't UTF-8.");
                S3Error::invalid_argument(&name, "", why)
            })?;
            if fields.contains_key(&name) {
                let why = format!("The form has the field {name} more than once.");
                return Err(S3Error::invalid_argument(&name, &value, why));
            }
            fields.insert(name, value);
        }
        let why = "POST requires exactly one file upload per request.";
        Err(S3Error::invalid_argument("file", "0", why))
    }

    /// What signs the form.
    ///
    /// # Errors
    /// AccessDenied for a form that nobody signed; InvalidArgument, and InvalidRequest for one that is signed in two ways.
    pub(crate) fn claim(&self) -> Result<Claim<'_>, S3Error> {
        let has_any = |names: &[&str]| names.iter().any(|name| self.fields.contains_key(*name));
        if has_any(&["awsaccesskeyid", "signature"]) {
            if has_any(&["x-amz-algorithm", "x-amz-credential", "x-amz-signature"]) {
                return Err(S3Error::invalid_request(
                    "The form is signed in two ways. Send the fields of one signature.",
                ));
            }
            return self.claim_of_version_2();
        }
        if !SIGNING.iter().any(|name| self.fields.contains_key(*name)) && !self.fields.contains_key("policy") {
            return Err(S3Error::new(ErrorCode::AccessDenied, "Access Denied. Sign the form: nothing is public here."));
        }
        if self.required("x-amz-algorithm")? != ALGORITHM {
            let why = "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"";
            return Err(S3Error::invalid_argument("x-amz-algorithm", self.required("x-amz-algorithm")?, why));
        }
        let credential = self.required("x-amz-credential")?;
        let refused = |why: String| S3Error::invalid_argument("x-amz-credential", credential, why);
        let scope = Scope::parse(credential, Service::S3)
            .map_err(|why| refused(format!("Error parsing the X-Amz-Credential parameter; {why}.")))?;
        let date = self.required("x-amz-date")?;
        let time = parse_timestamp(date).ok_or_else(|| {
            let why = "X-Amz-Date must be in the ISO8601 format \"yyyyMMdd'T'HHmmss'Z'\"";
            S3Error::invalid_argument("x-amz-date", date, why)
        })?;
        if scope.day != time.format("%Y%m%d").to_string() {
            return Err(refused(format!("The day {} isn't that of X-Amz-Date.", scope.day)));
        }
        Ok(Claim {
            access_key_id: scope.access_key_id,
            version: Version::Four { day: scope.day, region: scope.region },
            session_token: self.fields.get("x-amz-security-token").map(String::as_str),
            policy: self.required("policy")?,
            signature: self.required("x-amz-signature")?,
        })
    }

    fn claim_of_version_2(&self) -> Result<Claim<'_>, S3Error> {
        Ok(Claim {
            access_key_id: self.required("awsaccesskeyid")?,
            version: Version::Two,
            session_token: self.fields.get("x-amz-security-token").map(String::as_str),
            policy: self.required("policy")?,
            signature: self.required("signature")?,
        })
    }

    /// What the form asks for. To be asked once its signature is verified.
    ///
    /// # Errors
    /// InvalidPolicyDocument; AccessDenied for what the policy doesn't allow; NotImplemented for what isn't known.
    pub(crate) fn asked(&self, to: &Address, host: &HeaderMap, now: DateTime<Utc>) -> Result<Asked, S3Error> {
        let policy = BASE64.decode(self.required("policy")?).map_err(|_| {
            S3Error::new(ErrorCode::InvalidPolicyDocument, "Invalid Policy: it isn't encoded as base64.")
        })?;
        let policy = Policy::parse(&policy)?;
        let key = self.required("key")?.to_owned();
        let bucket = to.bucket.clone().unwrap_or_default();
        let mut judged = self.fields.clone();
        if let Some(other) = judged.insert("bucket".to_owned(), bucket.clone()).filter(|other| *other != bucket) {
            return Err(S3Error::invalid_argument("bucket", &other, "The form was sent to another bucket."));
        }
        policy.judge(&judged, now)?;
        let operation = Operation::PostObject { bucket: bucket.clone(), key: key.clone(), answer: self.answer() };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            let Some(name) = header_of(name)? else { continue };
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| S3Error::invalid_argument(name, value, "No header can hold this value."))?;
            headers.insert(HeaderName::try_from(name).map_err(|_| unknown(name))?, value);
        }
        amz_headers::refuse_unknown(&operation, &headers)?;
        if let Some(tags) = self.fields.get(TAGGING) {
            headers.insert(TAGGING_HEADER, tags_of(tags)?);
        }
        headers.extend(host.get(header::HOST).map(|host| (header::HOST, host.clone())));
        let address = Address { key: address::key(&key)?, ..to.clone() };
        Ok(Asked { address, operation, headers, length: policy.length(UPLOAD_BYTES_MAX) })
    }

    /// How the form wants its outcome told.
    fn answer(&self) -> FormAnswer {
        let field = |name: &str| self.fields.get(name).map(String::as_str);
        let url = field("success_action_redirect").or_else(|| field("redirect"));
        let is_web = |url: &&str| url.starts_with("http://") || url.starts_with("https://");
        match (url.filter(is_web).and_then(|url| url.parse().ok()), field("success_action_status")) {
            (Some(url), _) => FormAnswer::Redirect(url),
            (None, Some("200")) => FormAnswer::Ok,
            (None, Some("201")) => FormAnswer::Created,
            (None, _) => FormAnswer::NoContent,
        }
    }

    fn required(&self, name: &str) -> Result<&str, S3Error> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(|| {
            let why = format!(
                "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
            );
            S3Error::invalid_argument(name, "", why)
        })
    }
}

/// The header of a PUT that says what a field says; none for fields that are read here.
fn header_of(field: &str) -> Result<Option<&str>, S3Error> {
    match field {
        "bucket" | "key" | "policy" | "redirect" | "success_action_redirect" | "success_action_status" => Ok(None),
        TAGGING => Ok(None),
        "acl" => Ok(Some("x-amz-acl")),
        _ if field.starts_with("x-ignore-") || SIGNING.contains(&field) => Ok(None),
        _ if OF_TRANSFER.contains(&field) => Err(unknown(field)),
        _ if HEADERS.contains(&field) || field.starts_with("x-amz-") => Ok(Some(field)),
        _ => Err(unknown(field)),
    }
}

/// The header of a PUT with the same tags as a document.
fn tags_of(document: &str) -> Result<HeaderValue, S3Error> {
    let tags = read::tagging(document.as_bytes())?;
    let pairs: Vec<_> = tags.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    HeaderValue::try_from(pairs.join("&")).map_err(|_| ErrorCode::MalformedXML.into())
}

fn unknown(field: &str) -> S3Error {
    S3Error::not_implemented(format!("The field {field} of a form"))
}

/// Puts the file's name, without the folders that it lies in, where fields ask for it.
fn expand(fields: &mut BTreeMap<String, String>, file_name: &str) {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    for (_, value) in fields.iter_mut().filter(|(field, _)| *field != "policy" && !SIGNING.contains(&field.as_str())) {
        if value.contains(FILE_NAME) {
            *value = value.replace(FILE_NAME, name);
        }
    }
}

/// The fields are longer than may be.
#[derive(Debug, thiserror::Error)]
#[error("the fields before the file are longer than {FIELDS_BYTES_MAX} bytes")]
struct TooLong;

/// A body in pieces of which the parser gets one at a time, since it takes all that it is given at once; and no more than it
/// needs for the fields, until it has come to the file.
fn paced<S>(mut raw: S, has_file: Arc<AtomicBool>) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static
where
    S: Stream<Item = Result<Bytes, BoxError>> + Send + Unpin + 'static,
{
    let (mut given, mut rests) = (0, false);
    stream::poll_fn(move |cx| {
        if std::mem::take(&mut rests) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if given > FIELDS_BYTES_MAX && !has_file.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(TooLong.into())));
        }
        let polled = raw.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            given += piece.len();
            rests = true;
        }
        polled
    })
}

/// What the client is told of fields that can't be read.
fn unreadable(error: multer::Error) -> S3Error {
    match error {
        multer::Error::StreamReadFailed(cause) if cause.is::<TooLong>() => {
            ErrorCode::MaxPostPreDataLengthExceededError.into()
        }
        multer::Error::StreamReadFailed(_) => ErrorCode::IncompleteBody.into(),
        _ => ErrorCode::MalformedPOSTRequest.into(),
    }
}

/// Why a file's bytes end early: what the connection says of it, if it does.
fn cause(error: multer::Error) -> BoxError {
    match error {
        multer::Error::StreamReadFailed(cause) => cause,
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
