//! Multipart uploads under way. Owns the nouns; bytes of parts lie in the object store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Address, BranchName, BranchUid, Checksum, ChecksumAlgorithm, ChecksumKind, CompletionDigest, ObjectPath, Timestamp,
    UploadId,
};

/// The largest part number, as in S3; the smallest is 1.
pub const PART_NUMBER_MAX: u32 = 10_000;

/// What a client declares when it begins an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUpload {
    /// Where the object will be staged.
    pub branch: BranchName,
    /// Its path.
    pub path: ObjectPath,
    /// Where its bytes will lie.
    pub address: Address,
    /// The object store's own id of the upload.
    pub store_upload_id: String,
    /// As in [`crate::Entry`].
    pub content_type: String,
    /// As in [`crate::Entry`].
    pub metadata: BTreeMap<String, String>,
    /// As in [`crate::Entry`].
    pub headers: BTreeMap<String, String>,
    /// The checksum that the client will send with parts, and what the whole's will cover.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// When it began.
    pub created_at: Timestamp,
    /// What was declared.
    pub new: NewUpload,
    /// The branch for which it was begun: a later one of the name gets nothing of it.
    pub branch_uid: BranchUid,
}

/// What is remembered of an upload that was completed, for a client that lost the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedUpload {
    /// Where the object was staged.
    pub branch: BranchName,
    /// Its path.
    pub path: ObjectPath,
    /// Its ETag.
    pub e_tag: String,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// The branch for which the upload was begun: on a later one of the name nothing was completed.
    pub branch_uid: BranchUid,
    /// What was asked for. None if a server of an earlier version completed it: then no request is known to be the same.
    pub request: Option<CompletionDigest>,
}

/// One uploaded part. A number that is uploaded again replaces its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// 1 to [`PART_NUMBER_MAX`].
    pub number: u32,
    /// What the object store calls it; needed to complete.
    pub store_part_id: String,
    /// Bytes.
    pub size: u64,
    /// Hex MD5 of its bytes.
    pub e_tag: String,
    /// The verified checksum, if the client sent one.
    pub checksum: Option<Checksum>,
    /// When it was uploaded.
    pub last_modified: Timestamp,
    /// Whether its number never had other bytes. The state machine sees to it; what the writer says doesn't count.
    pub is_sole: bool,
}
