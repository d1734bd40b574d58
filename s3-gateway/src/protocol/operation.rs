//! What a request asks for: method, address, query and a few headers become one typed operation. Leaves the doing to
//! others, and the names that an operation knows to `parameters` and `amz_headers`. Invariant: what isn't known is refused
//! by its name, never taken for the plain operation.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use super::Address;
use super::attributes::WantedAttributes;
use super::bucket_settings::{self, BucketSetting};
use super::copy_source::{CopySource, CopySourceRange};
use super::error::{ErrorCode, S3Error};
use super::query::Query;
use super::{amz_headers, parameters};

/// The largest part number.
pub const PART_NUMBER_MAX: u32 = 10_000;

/// A typed request. Strings are decoded; keys and prefixes are as the client meant them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `GET /`.
    ListBuckets(ListBuckets),
    /// `PUT /bucket`.
    CreateBucket { bucket: String },
    /// `HEAD /bucket`.
    HeadBucket { bucket: String },
    /// `DELETE /bucket`.
    DeleteBucket { bucket: String },
    /// `GET /bucket?location`.
    GetBucketLocation { bucket: String },
    /// `GET /bucket`.
    ListObjects { bucket: String, list: ListObjects },
    /// `GET /bucket?list-type=2`.
    ListObjectsV2 { bucket: String, list: ListObjectsV2 },
    /// `GET /bucket?uploads`.
    ListMultipartUploads { bucket: String, list: ListUploads },
    /// `POST /bucket?delete`.
    DeleteObjects { bucket: String },
    /// `GET /bucket/key`.
    GetObject { bucket: String, key: String, read: ReadOptions },
    /// `HEAD /bucket/key`.
    HeadObject { bucket: String, key: String, read: ReadOptions },
    /// `PUT /bucket/key`.
    PutObject { bucket: String, key: String },
    /// `POST /bucket` of an HTML form with a file; made by `post_form`.
    PostObject { bucket: String, key: String, answer: FormAnswer },
    /// `PUT /bucket/key` with `x-amz-copy-source`.
    CopyObject { bucket: String, key: String, source: CopySource },
    /// `DELETE /bucket/key`.
    DeleteObject { bucket: String, key: String },
    /// `POST /bucket/key?uploads`.
    CreateMultipartUpload { bucket: String, key: String },
    /// `PUT /bucket/key?partNumber&uploadId`.
    UploadPart { bucket: String, key: String, upload_id: String, part_number: u32 },
    /// `PUT /bucket/key?partNumber&uploadId` with `x-amz-copy-source`.
    UploadPartCopy {
        bucket: String,
        key: String,
        upload_id: String,
        part_number: u32,
        source: CopySource,
        range: Option<CopySourceRange>,
    },
    /// `POST /bucket/key?uploadId`.
    CompleteMultipartUpload { bucket: String, key: String, upload_id: String },
    /// `DELETE /bucket/key?uploadId`.
    AbortMultipartUpload { bucket: String, key: String, upload_id: String },
    /// `GET /bucket/key?uploadId`.
    ListParts { bucket: String, key: String, upload_id: String, list: ListParts },
    /// `GET /bucket/key?tagging`.
    GetObjectTagging { bucket: String, key: String },
    /// `PUT /bucket/key?tagging`.
    PutObjectTagging { bucket: String, key: String },
    /// `DELETE /bucket/key?tagging`.
    DeleteObjectTagging { bucket: String, key: String },
    /// `GET /bucket?acl`.
    GetBucketAcl { bucket: String },
    /// `GET /bucket?encryption`.
    GetBucketEncryption { bucket: String },
    /// `GET /bucket?policy`, `GET /bucket?versioning`, …
    GetBucketSetting { bucket: String, setting: &'static BucketSetting },
    /// `GET /bucket/key?acl`.
    GetObjectAcl { bucket: String, key: String },
    /// `GET /bucket/key?attributes`.
    GetObjectAttributes { bucket: String, key: String, wanted: WantedAttributes },
    /// `GET /bucket/key?legal-hold`.
    GetObjectLegalHold { bucket: String, key: String },
    /// `GET /bucket/key?retention`.
    GetObjectRetention { bucket: String, key: String },
}

/// How an HTML form wants its outcome told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormAnswer {
    /// 204.
    NoContent,
    /// 200, with nothing in it.
    Ok,
    /// 201, with a document that names the object.
    Created,
    /// 303, to this URL.
    Redirect(Uri),
}

/// What ListBuckets is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListBuckets {
    /// Only buckets that start so.
    pub prefix: String,
    /// Where the last page ended.
    pub continuation_token: Option<String>,
    /// The most buckets of a page, 1 to 10,000.
    pub max_buckets: u32,
    /// Only buckets of this region.
    pub region: Option<String>,
}

/// What version 1 of the listing is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjects {
    /// Only keys that start so.
    pub prefix: String,
    /// What groups keys; none when empty.
    pub delimiter: Option<String>,
    /// Only what comes after this key or common prefix.
    pub marker: String,
    /// The most items of a page, 0 to 1,000.
    pub max_keys: u32,
    /// Whether keys are percent-encoded in the answer.
    pub encoding_url: bool,
}

/// What version 2 of the listing is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjectsV2 {
    /// Only keys that start so.
    pub prefix: String,
    /// What groups keys; none when empty.
    pub delimiter: Option<String>,
    /// Only keys after this one; a continuation token wins over it.
    pub start_after: Option<String>,
    /// The token of the page before, as it was given out.
    pub continuation_token: Option<String>,
    /// The most items of a page, 0 to 1,000.
    pub max_keys: u32,
    /// Whether owners are wanted.
    pub fetch_owner: bool,
    /// Whether keys are percent-encoded in the answer.
    pub encoding_url: bool,
}

/// What the listing of uploads is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUploads {
    /// Only keys that start so.
    pub prefix: String,
    /// What groups keys; none when empty.
    pub delimiter: Option<String>,
    /// Only uploads after this key…
    pub key_marker: String,
    /// …or of this key and after this upload.
    pub upload_id_marker: Option<String>,
    /// The most items of a page, 0 to 1,000.
    pub max_uploads: u32,
    /// Whether keys are percent-encoded in the answer.
    pub encoding_url: bool,
}

/// What the listing of parts is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListParts {
    /// Only parts after this number.
    pub part_number_marker: u32,
    /// The most parts of a page, 0 to 1,000.
    pub max_parts: u32,
    /// Whether the key is percent-encoded in the answer.
    pub encoding_url: bool,
}

/// What GET and HEAD of an object take from the query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Only this part of an object that was uploaded in parts.
    pub part_number: Option<u32>,
    /// Headers that replace the object's own in the answer (`response-content-type`, …).
    pub overrides: Vec<(HeaderName, HeaderValue)>,
}

impl Operation {
    /// Types a request.
    ///
    /// # Errors
    /// NotImplemented for what isn't known, MethodNotAllowed, InvalidArgument.
    pub(crate) fn parse(
        method: &Method,
        address: &Address,
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<Self, S3Error> {
        let found = match (&address.bucket, &address.key) {
            (None, _) => of_service(method, query)?,
            (Some(bucket), None) => of_bucket(method, bucket.clone(), query)?,
            (Some(bucket), Some(key)) => of_object(method, bucket.clone(), key.clone(), query, headers)?,
        };
        let found = found.ok_or_else(|| match parameters::first(query) {
            Some(name) => S3Error::not_implemented(format!("{method} with the parameter {name}")),
            None => S3Error::from(ErrorCode::MethodNotAllowed)
                .with_detail("Method", method.as_str())
                .with_header(header::ALLOW, allowed(address)),
        })?;
        parameters::refuse_unknown(&found, query)?;
        amz_headers::refuse_unknown(&found, headers)?;
        Ok(found)
    }

    /// Whether it changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::ListBuckets(_)
                | Self::HeadBucket { .. }
                | Self::GetBucketLocation { .. }
                | Self::ListObjects { .. }
                | Self::ListObjectsV2 { .. }
                | Self::ListMultipartUploads { .. }
                | Self::GetObject { .. }
                | Self::HeadObject { .. }
                | Self::ListParts { .. }
                | Self::GetObjectTagging { .. }
                | Self::GetBucketAcl { .. }
                | Self::GetBucketEncryption { .. }
                | Self::GetBucketSetting { .. }
                | Self::GetObjectAcl { .. }
                | Self::GetObjectAttributes { .. }
                | Self::GetObjectLegalHold { .. }
                | Self::GetObjectRetention { .. }
        )
    }

    /// S3's name of the operation, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListBuckets(_) => "ListBuckets",
            Self::CreateBucket { .. } => "CreateBucket",
            Self::HeadBucket { .. } => "HeadBucket",
            Self::DeleteBucket { .. } => "DeleteBucket",
            Self::GetBucketLocation { .. } => "GetBucketLocation",
            Self::ListObjects { .. } => "ListObjects",
            Self::ListObjectsV2 { .. } => "ListObjectsV2",
            Self::ListMultipartUploads { .. } => "ListMultipartUploads",
            Self::DeleteObjects { .. } => "DeleteObjects",
            Self::GetObject { .. } => "GetObject",
            Self::HeadObject { .. } => "HeadObject",
            Self::PutObject { .. } => "PutObject",
            Self::PostObject { .. } => "PostObject",
            Self::CopyObject { .. } => "CopyObject",
            Self::DeleteObject { .. } => "DeleteObject",
            Self::CreateMultipartUpload { .. } => "CreateMultipartUpload",
            Self::UploadPart { .. } => "UploadPart",
            Self::UploadPartCopy { .. } => "UploadPartCopy",
            Self::CompleteMultipartUpload { .. } => "CompleteMultipartUpload",
            Self::AbortMultipartUpload { .. } => "AbortMultipartUpload",
            Self::ListParts { .. } => "ListParts",
            Self::GetObjectTagging { .. } => "GetObjectTagging",
            Self::PutObjectTagging { .. } => "PutObjectTagging",
            Self::DeleteObjectTagging { .. } => "DeleteObjectTagging",
            Self::GetBucketAcl { .. } => "GetBucketAcl",
            Self::GetBucketEncryption { .. } => "GetBucketEncryption",
            Self::GetBucketSetting { setting, .. } => setting.operation,
            Self::GetObjectAcl { .. } => "GetObjectAcl",
            Self::GetObjectAttributes { .. } => "GetObjectAttributes",
            Self::GetObjectLegalHold { .. } => "GetObjectLegalHold",
            Self::GetObjectRetention { .. } => "GetObjectRetention",
        }
    }
}

fn allowed(address: &Address) -> &'static str {
    match (&address.bucket, &address.key) {
        (None, _) => "GET",
        (Some(_), _) => "GET, HEAD, PUT, DELETE, POST",
    }
}

fn of_service(method: &Method, query: &Query) -> Result<Option<Operation>, S3Error> {
    if method != Method::GET || parameters::chosen(query).is_some() {
        return Ok(None);
    }
    Ok(Some(Operation::ListBuckets(ListBuckets {
        prefix: text(query, "prefix"),
        continuation_token: query.get("continuation-token").map(str::to_owned),
        max_buckets: match bounded(query, "max-buckets", 10_000)? {
            0 => return Err(not_a_count("max-buckets", "0", "from 1 to 10000")),
            count => count,
        },
        region: query.get("bucket-region").map(str::to_owned),
    })))
}

fn of_bucket(method: &Method, bucket: String, query: &Query) -> Result<Option<Operation>, S3Error> {
    let found = match (method.as_str(), parameters::chosen(query)) {
        ("GET", Some("location")) => Operation::GetBucketLocation { bucket },
        ("GET", Some("acl")) => Operation::GetBucketAcl { bucket },
        ("GET", Some("encryption")) => Operation::GetBucketEncryption { bucket },
        ("GET", Some("uploads")) => Operation::ListMultipartUploads { bucket, list: list_uploads(query)? },
        ("POST", Some("delete")) => Operation::DeleteObjects { bucket },
        ("POST", None) if parameters::first(query).is_none() => {
            // A form has its signature in itself, and never comes here.
            return Err(S3Error::not_implemented("POST of a bucket other than a multipart/form-data form"));
        }
        ("GET", None) => match query.get("list-type") {
            None | Some("1") => Operation::ListObjects { bucket, list: list_objects(query)? },
            Some("2") => Operation::ListObjectsV2 { bucket, list: list_objects_v2(query)? },
            Some(other) => return Err(S3Error::invalid_argument("list-type", other, "Invalid List Type: use 2.")),
        },
        ("HEAD", None) => Operation::HeadBucket { bucket },
        ("PUT", None) => Operation::CreateBucket { bucket },
        ("DELETE", None) => Operation::DeleteBucket { bucket },
        ("GET", Some(parameter)) => match bucket_settings::setting(parameter) {
            Some(setting) => Operation::GetBucketSetting { bucket, setting },
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn of_object(
    method: &Method,
    bucket: String,
    key: String,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Option<Operation>, S3Error> {
    let upload_id = || match query.get("uploadId") {
        Some("") | None => Err(ErrorCode::NoSuchUpload.into()),
        Some(id) => Ok::<_, S3Error>(id.to_owned()),
    };
    let found = match (method.as_str(), parameters::chosen(query)) {
        ("GET", None) => Operation::GetObject { bucket, key, read: read_options(query)? },
        ("HEAD", None) => Operation::HeadObject { bucket, key, read: read_options(query)? },
        ("PUT", None) if query.has("partNumber") => {
            let why = "A part needs the uploadId that it belongs to.";
            return Err(S3Error::invalid_argument("uploadId", "", why));
        }
        ("PUT", None) => match CopySource::of(headers)? {
            Some(source) => Operation::CopyObject { bucket, key, source },
            None => Operation::PutObject { bucket, key },
        },
        ("DELETE", None) => Operation::DeleteObject { bucket, key },
        ("POST", Some("uploads")) => Operation::CreateMultipartUpload { bucket, key },
        ("PUT", Some("uploadId")) => {
            let (upload_id, part_number) = (upload_id()?, required_part_number(query)?);
            match CopySource::of(headers)? {
                Some(source) => {
                    let range = CopySourceRange::of_headers(headers)?;
                    Operation::UploadPartCopy { bucket, key, upload_id, part_number, source, range }
                }
                None => Operation::UploadPart { bucket, key, upload_id, part_number },
            }
        }
        ("POST", Some("uploadId")) => Operation::CompleteMultipartUpload { bucket, key, upload_id: upload_id()? },
        ("DELETE", Some("uploadId")) => Operation::AbortMultipartUpload { bucket, key, upload_id: upload_id()? },
        ("GET", Some("uploadId")) => {
            let list = ListParts {
                part_number_marker: count(query, "part-number-marker")?.unwrap_or(0),
                max_parts: bounded(query, "max-parts", 1000)?,
                encoding_url: encoding_url(query)?,
            };
            Operation::ListParts { bucket, key, upload_id: upload_id()?, list }
        }
        ("GET", Some("tagging")) => Operation::GetObjectTagging { bucket, key },
        ("PUT", Some("tagging")) => Operation::PutObjectTagging { bucket, key },
        ("GET", Some("acl")) => Operation::GetObjectAcl { bucket, key },
        ("GET", Some("attributes")) => {
            Operation::GetObjectAttributes { bucket, key, wanted: WantedAttributes::of(headers)? }
        }
        ("GET", Some("legal-hold")) => Operation::GetObjectLegalHold { bucket, key },
        ("GET", Some("retention")) => Operation::GetObjectRetention { bucket, key },
        ("DELETE", Some("tagging")) => Operation::DeleteObjectTagging { bucket, key },
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn list_objects(query: &Query) -> Result<ListObjects, S3Error> {
    Ok(ListObjects {
        prefix: text(query, "prefix"),
        delimiter: delimiter(query),
        marker: text(query, "marker"),
        max_keys: bounded(query, "max-keys", 1000)?,
        encoding_url: encoding_url(query)?,
    })
}

fn list_objects_v2(query: &Query) -> Result<ListObjectsV2, S3Error> {
    if query.get("continuation-token") == Some("") {
        let why = "The continuation token provided is incorrect";
        return Err(S3Error::invalid_argument("continuation-token", "", why));
    }
    Ok(ListObjectsV2 {
        prefix: text(query, "prefix"),
        delimiter: delimiter(query),
        start_after: query.get("start-after").filter(|key| !key.is_empty()).map(str::to_owned),
        continuation_token: query.get("continuation-token").map(str::to_owned),
        max_keys: bounded(query, "max-keys", 1000)?,
        fetch_owner: query.get("fetch-owner").is_some_and(|wanted| wanted.eq_ignore_ascii_case("true")),
        encoding_url: encoding_url(query)?,
    })
}

fn list_uploads(query: &Query) -> Result<ListUploads, S3Error> {
    Ok(ListUploads {
        prefix: text(query, "prefix"),
        delimiter: delimiter(query),
        key_marker: text(query, "key-marker"),
        upload_id_marker: query.get("upload-id-marker").filter(|id| !id.is_empty()).map(str::to_owned),
        max_uploads: bounded(query, "max-uploads", 1000)?,
        encoding_url: encoding_url(query)?,
    })
}

fn read_options(query: &Query) -> Result<ReadOptions, S3Error> {
    let part_number = match query.has("partNumber") {
        true => Some(required_part_number(query)?),
        false => None,
    };
    let mut overrides = Vec::new();
    for (name, value) in query.pairs() {
        let Some(overridden) = overridden_header(name) else { continue };
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| S3Error::invalid_argument(name, value, "No header can hold this value."))?;
        overrides.push((overridden, value));
    }
    Ok(ReadOptions { part_number, overrides })
}

fn overridden_header(parameter: &str) -> Option<HeaderName> {
    match parameter {
        "response-cache-control" => Some(header::CACHE_CONTROL),
        "response-content-disposition" => Some(header::CONTENT_DISPOSITION),
        "response-content-encoding" => Some(header::CONTENT_ENCODING),
        "response-content-language" => Some(header::CONTENT_LANGUAGE),
        "response-content-type" => Some(header::CONTENT_TYPE),
        "response-expires" => Some(header::EXPIRES),
        _ => None,
    }
}

fn required_part_number(query: &Query) -> Result<u32, S3Error> {
    let value = query.get("partNumber").unwrap_or_default();
    value.parse().ok().filter(|number| (1..=PART_NUMBER_MAX).contains(number)).ok_or_else(|| {
        let why = "Part number must be an integer between 1 and 10000, inclusive";
        S3Error::invalid_argument("partNumber", value, why)
    })
}

fn text(query: &Query, name: &str) -> String {
    query.get(name).unwrap_or_default().to_owned()
}

/// The delimiter; an empty one, which some clients send, is none.
fn delimiter(query: &Query) -> Option<String> {
    query.get("delimiter").filter(|delimiter| !delimiter.is_empty()).map(str::to_owned)
}

fn encoding_url(query: &Query) -> Result<bool, S3Error> {
    match query.get("encoding-type") {
        None | Some("") => Ok(false),
        Some(kind) if kind.eq_ignore_ascii_case("url") => Ok(true),
        Some(kind) => {
            Err(S3Error::invalid_argument("encoding-type", kind, "Invalid Encoding Method specified in Request"))
        }
    }
}

/// A count that is `max` when it isn't given or larger.
fn bounded(query: &Query, name: &str, max: u32) -> Result<u32, S3Error> {
    Ok(count(query, name)?.map_or(max, |count| count.min(max)))
}

fn count(query: &Query, name: &str) -> Result<Option<u32>, S3Error> {
    match query.get(name) {
        None | Some("") => Ok(None),
        Some(value) => {
            let count: u64 = value.parse().map_err(|_| not_a_count(name, value, "from 0 to 2147483647"))?;
            Ok(Some(u32::try_from(count).unwrap_or(u32::MAX)))
        }
    }
}

fn not_a_count(name: &str, value: &str, range: &str) -> S3Error {
    S3Error::invalid_argument(name, value, format!("Provided {name} not an integer {range}."))
}

#[cfg(test)]
mod tests;
