//! The XML bodies that clients send.

use super::super::checksum::Checksum;
use super::super::error::S3Error;

/// The largest body of XML.
pub const XML_BYTES_MAX: usize = 2 * 1024 * 1024;

/// An object that DeleteObjects names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectToDelete {
    /// Its key.
    pub key: String,
    /// A version, which Lakebed's caller must refuse for this key.
    pub version_id: Option<String>,
    /// Delete it only if it has this ETag (unquoted).
    pub e_tag: Option<String>,
}

/// The body of DeleteObjects: 1 to 1,000 objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRequest {
    /// What to delete, in the client's order.
    pub objects: Vec<ObjectToDelete>,
    /// Whether the answer tells of errors only.
    pub quiet: bool,
}

/// A part that CompleteMultipartUpload names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPart {
    /// 1 to 10,000.
    pub number: u32,
    /// Its ETag, unquoted.
    pub e_tag: String,
    /// Its checksum, when the client sends it along.
    pub checksum: Option<Checksum>,
}

/// Reads the body of DeleteObjects.
pub fn delete_objects(xml: &[u8]) -> Result<DeleteRequest, S3Error> {
    todo!("{xml:?}")
}

/// Reads the body of CompleteMultipartUpload: at least one part. InvalidPartOrder unless numbers ascend.
pub fn complete_multipart_upload(xml: &[u8]) -> Result<Vec<CompletedPart>, S3Error> {
    todo!("{xml:?}")
}

/// Reads the body of CreateBucket, which may be empty: the location that the client wants.
pub fn create_bucket(xml: &[u8]) -> Result<Option<String>, S3Error> {
    todo!("{xml:?}")
}
