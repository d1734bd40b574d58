//! The XML of answers. Leaves what is in them to others. Invariant: element order and namespace are S3's; keys are
//! given as they are, and each document encodes them itself when `encoding_url` is set.

use chrono::{DateTime, Utc};
use object_http::quoted;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
use super::super::date::xml_date;
use super::super::error::S3Error;
use super::Writer;

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
    pub error: S3Error,
}

/// `<ListAllMyBucketsResult>`.
pub fn list_buckets(answer: &ListBucketsAnswer) -> String {
    let mut xml = Writer::document();
    xml.open_root("ListAllMyBucketsResult");
    owner(&mut xml, "Owner", &answer.owner);
    xml.open("Buckets");
    for bucket in &answer.buckets {
        xml.open("Bucket");
        xml.text("Name", &bucket.name);
        xml.text("CreationDate", &xml_date(bucket.creation_date));
        xml.close();
    }
    xml.close();
    optional(&mut xml, "ContinuationToken", answer.continuation_token.as_deref());
    optional(&mut xml, "Prefix", answer.prefix.as_deref());
    xml.close();
    xml.finish()
}

/// `<ListBucketResult>` of version 1.
pub fn list_objects(answer: &ListObjectsAnswer) -> String {
    let encode = |text: &str| encoded(text, answer.encoding_url);
    let mut xml = Writer::document();
    xml.open_root("ListBucketResult");
    xml.text("Name", &answer.name);
    xml.text("Prefix", &encode(&answer.prefix));
    xml.text("Marker", &encode(&answer.marker));
    optional(&mut xml, "NextMarker", answer.next_marker.as_deref().map(encode).as_deref());
    xml.value("MaxKeys", answer.max_keys);
    optional(&mut xml, "Delimiter", answer.delimiter.as_deref().map(encode).as_deref());
    encoding_type(&mut xml, answer.encoding_url);
    xml.value("IsTruncated", answer.is_truncated);
    objects(&mut xml, &answer.contents, &answer.common_prefixes, answer.encoding_url);
    xml.close();
    xml.finish()
}

/// `<ListBucketResult>` of version 2.
pub fn list_objects_v2(answer: &ListObjectsV2Answer) -> String {
    let encode = |text: &str| encoded(text, answer.encoding_url);
    let mut xml = Writer::document();
    xml.open_root("ListBucketResult");
    xml.text("Name", &answer.name);
    xml.text("Prefix", &encode(&answer.prefix));
    optional(&mut xml, "StartAfter", answer.start_after.as_deref().map(encode).as_deref());
    optional(&mut xml, "ContinuationToken", answer.continuation_token.as_deref());
    optional(&mut xml, "NextContinuationToken", answer.next_continuation_token.as_deref());
    xml.value("KeyCount", answer.contents.len() + answer.common_prefixes.len());
    xml.value("MaxKeys", answer.max_keys);
    optional(&mut xml, "Delimiter", answer.delimiter.as_deref().map(encode).as_deref());
    encoding_type(&mut xml, answer.encoding_url);
    xml.value("IsTruncated", answer.is_truncated);
    objects(&mut xml, &answer.contents, &answer.common_prefixes, answer.encoding_url);
    xml.close();
    xml.finish()
}

/// `<ListMultipartUploadsResult>`.
pub fn list_uploads(answer: &ListUploadsAnswer) -> String {
    let encode = |text: &str| encoded(text, answer.encoding_url);
    let mut xml = Writer::document();
    xml.open_root("ListMultipartUploadsResult");
    xml.text("Bucket", &answer.bucket);
    xml.text("KeyMarker", &encode(&answer.key_marker));
    xml.text("UploadIdMarker", answer.upload_id_marker.as_deref().unwrap_or_default());
    if let Some((key, upload_id)) = &answer.next {
        xml.text("NextKeyMarker", &encode(key));
        xml.text("NextUploadIdMarker", upload_id);
    }
    xml.text("Prefix", &encode(&answer.prefix));
    optional(&mut xml, "Delimiter", answer.delimiter.as_deref().map(encode).as_deref());
    encoding_type(&mut xml, answer.encoding_url);
    xml.value("MaxUploads", answer.max_uploads);
    xml.value("IsTruncated", answer.is_truncated);
    for upload in &answer.uploads {
        xml.open("Upload");
        xml.text("Key", &encode(&upload.key));
        xml.text("UploadId", &upload.upload_id);
        owner(&mut xml, "Initiator", &upload.owner);
        owner(&mut xml, "Owner", &upload.owner);
        xml.text("StorageClass", &upload.storage_class);
        xml.text("Initiated", &xml_date(upload.initiated));
        checksum_wanted(&mut xml, upload.checksum);
        xml.close();
    }
    prefixes(&mut xml, &answer.common_prefixes, answer.encoding_url);
    xml.close();
    xml.finish()
}

/// `<ListPartsResult>`.
pub fn list_parts(answer: &ListPartsAnswer) -> String {
    let mut xml = Writer::document();
    xml.open_root("ListPartsResult");
    xml.text("Bucket", &answer.bucket);
    xml.text("Key", &encoded(&answer.key, answer.encoding_url));
    xml.text("UploadId", &answer.upload_id);
    owner(&mut xml, "Initiator", &answer.owner);
    owner(&mut xml, "Owner", &answer.owner);
    xml.text("StorageClass", &answer.storage_class);
    xml.value("PartNumberMarker", answer.part_number_marker);
    xml.value("NextPartNumberMarker", answer.next_part_number_marker);
    xml.value("MaxParts", answer.max_parts);
    encoding_type(&mut xml, answer.encoding_url);
    xml.value("IsTruncated", answer.is_truncated);
    checksum_wanted(&mut xml, answer.checksum);
    for part in &answer.parts {
        xml.open("Part");
        xml.value("PartNumber", part.number);
        xml.text("LastModified", &xml_date(part.last_modified));
        xml.text("ETag", &quoted(&part.e_tag));
        xml.value("Size", part.size);
        checksum(&mut xml, part.checksum.as_ref());
        xml.close();
    }
    xml.close();
    xml.finish()
}

/// `<InitiateMultipartUploadResult>`.
pub fn initiate_upload(bucket: &str, key: &str, upload_id: &str) -> String {
    let mut xml = Writer::document();
    xml.open_root("InitiateMultipartUploadResult");
    xml.text("Bucket", bucket);
    xml.text("Key", key);
    xml.text("UploadId", upload_id);
    xml.close();
    xml.finish()
}

/// `<CompleteMultipartUploadResult>`. The ETag is unquoted.
pub fn complete_upload(
    location: &str,
    bucket: &str,
    key: &str,
    e_tag: &str,
    kept: Option<(&Checksum, ChecksumKind)>,
) -> String {
    let mut xml = Writer::document();
    xml.open_root("CompleteMultipartUploadResult");
    xml.text("Location", location);
    xml.text("Bucket", bucket);
    xml.text("Key", key);
    xml.text("ETag", &quoted(e_tag));
    checksum_and_kind(&mut xml, kept);
    xml.close();
    xml.finish()
}

/// `<PostResponse>`, which S3 has in no namespace. The ETag is unquoted.
pub fn post_response(location: &str, bucket: &str, key: &str, e_tag: &str) -> String {
    let mut xml = Writer::document();
    xml.open("PostResponse");
    xml.text("Location", location);
    xml.text("Bucket", bucket);
    xml.text("Key", key);
    xml.text("ETag", &quoted(e_tag));
    xml.close();
    xml.finish()
}

/// `<CopyObjectResult>`. The ETag is unquoted.
pub fn copy_object(e_tag: &str, last_modified: DateTime<Utc>, kept: Option<(&Checksum, ChecksumKind)>) -> String {
    let mut xml = Writer::document();
    xml.open_root("CopyObjectResult");
    xml.text("LastModified", &xml_date(last_modified));
    xml.text("ETag", &quoted(e_tag));
    checksum_and_kind(&mut xml, kept);
    xml.close();
    xml.finish()
}

/// `<CopyPartResult>`. The ETag is unquoted.
pub fn copy_part(e_tag: &str, last_modified: DateTime<Utc>, kept: Option<&Checksum>) -> String {
    let mut xml = Writer::document();
    xml.open_root("CopyPartResult");
    xml.text("LastModified", &xml_date(last_modified));
    xml.text("ETag", &quoted(e_tag));
    checksum(&mut xml, kept);
    xml.close();
    xml.finish()
}

/// `<DeleteResult>`; deleted keys are left out when `quiet`.
pub fn delete_result(deleted: &[String], failures: &[DeleteFailure], quiet: bool) -> String {
    let mut xml = Writer::document();
    xml.open_root("DeleteResult");
    for key in deleted.iter().filter(|_| !quiet) {
        xml.open("Deleted");
        xml.text("Key", key);
        xml.close();
    }
    for failure in failures {
        xml.open("Error");
        xml.text("Key", &failure.key);
        xml.text("Code", failure.error.code().as_str());
        xml.text("Message", failure.error.message());
        xml.close();
    }
    xml.close();
    xml.finish()
}

/// `<LocationConstraint>`; empty for us-east-1, as S3 has it.
pub fn location(region: &str) -> String {
    let mut xml = Writer::document();
    xml.open_root("LocationConstraint");
    xml.raw_text(if region == "us-east-1" { "" } else { region });
    xml.close();
    xml.finish()
}

fn objects(xml: &mut Writer, contents: &[ObjectSummary], common_prefixes: &[String], encoding_url: bool) {
    for object in contents {
        xml.open("Contents");
        xml.text("Key", &encoded(&object.key, encoding_url));
        xml.text("LastModified", &xml_date(object.last_modified));
        xml.text("ETag", &quoted(&object.e_tag));
        checksum_wanted(xml, object.checksum);
        xml.value("Size", object.size);
        if let Some(of_object) = &object.owner {
            owner(xml, "Owner", of_object);
        }
        xml.text("StorageClass", &object.storage_class);
        xml.close();
    }
    prefixes(xml, common_prefixes, encoding_url);
}

fn prefixes(xml: &mut Writer, common_prefixes: &[String], encoding_url: bool) {
    for prefix in common_prefixes {
        xml.open("CommonPrefixes");
        xml.text("Prefix", &encoded(prefix, encoding_url));
        xml.close();
    }
}

pub(super) fn owner(xml: &mut Writer, name: &'static str, owner: &Owner) {
    xml.open(name);
    identity(xml, owner);
    xml.close();
}

pub(super) fn identity(xml: &mut Writer, owner: &Owner) {
    xml.text("ID", &owner.id);
    xml.text("DisplayName", &owner.display_name);
}

fn optional(xml: &mut Writer, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        xml.text(name, value);
    }
}

fn encoding_type(xml: &mut Writer, encoding_url: bool) {
    optional(xml, "EncodingType", encoding_url.then_some("url"));
}

fn checksum_wanted(xml: &mut Writer, wanted: Option<(ChecksumAlgorithm, ChecksumKind)>) {
    if let Some((algorithm, kind)) = wanted {
        xml.text("ChecksumAlgorithm", algorithm.as_str());
        xml.text("ChecksumType", kind.as_str());
    }
}

fn checksum(xml: &mut Writer, checksum: Option<&Checksum>) {
    if let Some(checksum) = checksum {
        xml.text(checksum.algorithm.element(), &checksum.value);
    }
}

pub(super) fn checksum_and_kind(xml: &mut Writer, kept: Option<(&Checksum, ChecksumKind)>) {
    if let Some((value, kind)) = kept {
        checksum(xml, Some(value));
        xml.text("ChecksumType", kind.as_str());
    }
}

/// What `encoding-type=url` leaves as it is. A space becomes `%20` and a plus `%2B`, so that it makes no difference
/// whether a client takes a plus for a space.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

fn encoded(text: &str, encoding_url: bool) -> String {
    match encoding_url {
        true => utf8_percent_encode(text, URL).to_string(),
        false => text.to_owned(),
    }
}
