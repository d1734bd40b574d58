//! What a request asks for: method, address, query and a few headers become one typed operation. Leaves the doing to
//! others. Invariant: a subresource that isn't known is refused by its name, never taken for the plain operation.

use super::copy_source::{CopySource, CopySourceRange};

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
    pub overrides: Vec<(http::HeaderName, http::HeaderValue)>,
}

impl Operation {
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
            Self::CopyObject { .. } => "CopyObject",
            Self::DeleteObject { .. } => "DeleteObject",
            Self::CreateMultipartUpload { .. } => "CreateMultipartUpload",
            Self::UploadPart { .. } => "UploadPart",
            Self::UploadPartCopy { .. } => "UploadPartCopy",
            Self::CompleteMultipartUpload { .. } => "CompleteMultipartUpload",
            Self::AbortMultipartUpload { .. } => "AbortMultipartUpload",
            Self::ListParts { .. } => "ListParts",
        }
    }
}
