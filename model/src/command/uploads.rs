//! Commands about multipart uploads. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Condition, Entry, NewUpload, Part, RepositoryName, RequestId, UploadId};

/// Begins a multipart upload. → [`super::Outcome::Upload`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUpload {
    /// So that a retry finds its own upload.
    pub request: RequestId,
    /// Where.
    pub repository: RepositoryName,
    /// What.
    pub upload: NewUpload,
}

impl fmt::Display for CreateUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, upload, .. } = self;

        write!(f, "create upload on {repository}/{}", upload.branch)
    }
}

/// Records an uploaded part; replaces one of the same number. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPart {
    /// Where.
    pub repository: RepositoryName,
    /// To which upload.
    pub upload: UploadId,
    /// What.
    pub part: Part,
}

impl fmt::Display for PutPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, upload, part } = self;

        write!(f, "put part {} of upload {upload} in {repository}", part.number)
    }
}

/// Ends an upload and stages its object, both or neither. → [`super::Outcome::Staged`] with one outcome; the upload
/// ends only if that is `Staged`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteUpload {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub upload: UploadId,
    /// The object; its bytes are already in place.
    pub entry: Entry,
    /// On what condition.
    pub condition: Option<Condition>,
    /// What the client asked for, by which it is known if it asks again.
    pub request: Option<crate::CompletionDigest>,
}

impl fmt::Display for CompleteUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, upload, .. } = self;

        write!(f, "complete upload {upload} in {repository}")
    }
}

/// Ends an upload without an object. → [`super::Outcome::Upload`], so that the caller can clean up after it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbortUpload {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub upload: UploadId,
}

impl fmt::Display for AbortUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, upload } = self;

        write!(f, "abort upload {upload} in {repository}")
    }
}
