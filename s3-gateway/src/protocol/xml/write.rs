//! The XML of answers: element order and namespace as S3 has them. Keys are given as they are; each document encodes
//! them itself when `encoding_url` is set.

use chrono::{DateTime, Utc};

use super::super::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};

/// Who owns something.
#[derive(Debug, Clone)]
pub struct Owner {
    /// An opaque id.
    pub id: String,
    /// A name for people.
    pub display_name: String,
}

/// One bucket of ListBuckets.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was created.
    pub creation_date: DateTime<Utc>,
}

/// The answer of ListBuckets.
#[derive(Debug, Clone)]
pub struct ListBucketsAnswer {
    /// Who asks.
    pub owner: Owner,
    /// The page.
    pub buckets: Vec<Bucket>,
    /// The prefix that was asked for, if it was.
    pub prefix: Option<String>,
    /// Where the next page starts.
    pub continuation_token: Option<String>,
}

/// One object of a listing.
#[derive(Debug, Clone)]
pub struct ObjectSummary {
    /// Its key.
    pub key: String,
    /// When it was written.
    pub last_modified: DateTime<Utc>,
    /// Its ETag, unquoted.
    pub e_tag: String,
    /// Bytes.
    pub size: u64,
    /// `STANDARD`, if nothing else was asked for.
    pub storage_class: String,
    /// Its owner, when that was asked for.
    pub owner: Option<Owner>,
    /// The algorithm and kind of the checksum that is kept with it.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// The answer of ListObjects, version 1.
#[derive(Debug, Clone)]
pub struct ListObjectsAnswer {
    /// The bucket.
    pub name: String,
    /// As asked.
    pub prefix: String,
    /// As asked.
    pub marker: String,
    /// Where the next page starts, when there is one.
    pub next_marker: Option<String>,
    /// As asked.
    pub delimiter: Option<String>,
    /// As asked.
    pub max_keys: u32,
    /// As asked.
    pub encoding_url: bool,
    /// Whether there is more.
    pub is_truncated: bool,
    /// The objects.
    pub contents: Vec<ObjectSummary>,
    /// The common prefixes.
    pub common_prefixes: Vec<String>,
}

/// The answer of ListObjects, version 2.
#[derive(Debug, Clone)]
pub struct ListObjectsV2Answer {
    /// The bucket.
    pub name: String,
    /// As asked.
    pub prefix: String,
    /// As asked.
    pub delimiter: Option<String>,
    /// As asked.
    pub max_keys: u32,
    /// As asked.
    pub start_after: Option<String>,
    /// As asked.
    pub continuation_token: Option<String>,
    /// Where the next page starts, when there is one.
    pub next_continuation_token: Option<String>,
    /// As asked.
    pub encoding_url: bool,
    /// Whether there is more.
    pub is_truncated: bool,
    /// The objects.
    pub contents: Vec<ObjectSummary>,
    /// The common prefixes.
    pub common_prefixes: Vec<String>,
}

/// One upload of a listing.
#[derive(Debug, Clone)]
pub struct UploadSummary {
    /// Its key.
    pub key: String,
    /// Its id.
    pub upload_id: String,
    /// When it was started.
    pub initiated: DateTime<Utc>,
    /// Who started it.
    pub owner: Owner,
    /// `STANDARD`, if nothing else was asked for.
    pub storage_class: String,
    /// The checksum that it asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// The answer of ListMultipartUploads.
#[derive(Debug, Clone)]
pub struct ListUploadsAnswer {
    /// The bucket.
    pub bucket: String,
    /// As asked.
    pub prefix: String,
    /// As asked.
    pub delimiter: Option<String>,
    /// As asked.
    pub key_marker: String,
    /// As asked.
    pub upload_id_marker: Option<String>,
    /// Where the next page starts: key and upload.
    pub next: Option<(String, String)>,
    /// As asked.
    pub max_uploads: u32,
    /// As asked.
    pub encoding_url: bool,
    /// Whether there is more.
    pub is_truncated: bool,
    /// The uploads.
    pub uploads: Vec<UploadSummary>,
    /// The common prefixes.
    pub common_prefixes: Vec<String>,
}

/// One part of a listing.
#[derive(Debug, Clone)]
pub struct PartSummary {
    /// 1 to 10,000.
    pub number: u32,
    /// When it was written.
    pub last_modified: DateTime<Utc>,
    /// Its ETag, unquoted.
    pub e_tag: String,
    /// Bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// The answer of ListParts.
#[derive(Debug, Clone)]
pub struct ListPartsAnswer {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Who started the upload.
    pub owner: Owner,
    /// `STANDARD`, if nothing else was asked for.
    pub storage_class: String,
    /// As asked.
    pub part_number_marker: u32,
    /// The last part of this page.
    pub next_part_number_marker: u32,
    /// As asked.
    pub max_parts: u32,
    /// As asked.
    pub encoding_url: bool,
    /// Whether there is more.
    pub is_truncated: bool,
    /// The checksum that the upload asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// The parts.
    pub parts: Vec<PartSummary>,
}

/// An object that couldn't be deleted.
#[derive(Debug, Clone)]
pub struct DeleteFailure {
    /// Its key.
    pub key: String,
    /// S3's code and message.
    pub error: super::super::error::S3Error,
}

/// `<ListAllMyBucketsResult>`.
pub fn list_buckets(answer: &ListBucketsAnswer) -> String {
    todo!("{answer:?}")
}

/// `<ListBucketResult>` of version 1.
pub fn list_objects(answer: &ListObjectsAnswer) -> String {
    todo!("{answer:?}")
}

/// `<ListBucketResult>` of version 2.
pub fn list_objects_v2(answer: &ListObjectsV2Answer) -> String {
    todo!("{answer:?}")
}

/// `<ListMultipartUploadsResult>`.
pub fn list_uploads(answer: &ListUploadsAnswer) -> String {
    todo!("{answer:?}")
}

/// `<ListPartsResult>`.
pub fn list_parts(answer: &ListPartsAnswer) -> String {
    todo!("{answer:?}")
}

/// `<InitiateMultipartUploadResult>`.
pub fn initiate_upload(bucket: &str, key: &str, upload_id: &str) -> String {
    todo!("{bucket} {key} {upload_id}")
}

/// `<CompleteMultipartUploadResult>`. The ETag is unquoted.
pub fn complete_upload(
    location: &str,
    bucket: &str,
    key: &str,
    e_tag: &str,
    checksum: Option<(&Checksum, ChecksumKind)>,
) -> String {
    todo!("{location} {bucket} {key} {e_tag} {checksum:?}")
}

/// `<CopyObjectResult>`.
pub fn copy_object(e_tag: &str, last_modified: DateTime<Utc>, checksum: Option<(&Checksum, ChecksumKind)>) -> String {
    todo!("{e_tag} {last_modified} {checksum:?}")
}

/// `<CopyPartResult>`.
pub fn copy_part(e_tag: &str, last_modified: DateTime<Utc>, checksum: Option<&Checksum>) -> String {
    todo!("{e_tag} {last_modified} {checksum:?}")
}

/// `<DeleteResult>`; deleted keys are left out when `quiet`.
pub fn delete_result(deleted: &[String], failures: &[DeleteFailure], quiet: bool) -> String {
    todo!("{deleted:?} {failures:?} {quiet}")
}

/// `<LocationConstraint>`; empty for us-east-1, as S3 has it.
pub fn location(region: &str) -> String {
    todo!("{region}")
}
