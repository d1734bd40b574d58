//! Questions about multipart uploads. Owns their shapes.

use serde::{Deserialize, Serialize};

use crate::{BranchName, ObjectPath, RepositoryName, UploadId};

/// Finds an upload. → [`super::Answer::Upload`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetUpload {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub upload: UploadId,
}

/// Finds an upload that was completed in the last day. → [`super::Answer::CompletedUpload`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCompletedUpload {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub upload: UploadId,
}

/// Lists a branch's uploads in the order of (path, id). → [`super::Answer::Uploads`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUploads {
    /// Where.
    pub repository: RepositoryName,
    /// Of which branch.
    pub branch: BranchName,
    /// Paths begin so.
    pub prefix: String,
    /// Uploads after this one.
    pub after: Option<(ObjectPath, UploadId)>,
    /// How many at most.
    pub amount: usize,
}

/// Lists an upload's parts in the order of their numbers. → [`super::Answer::Parts`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListParts {
    /// Where.
    pub repository: RepositoryName,
    /// Of which upload.
    pub upload: UploadId,
    /// Numbers are larger.
    pub after: u32,
    /// How many at most.
    pub amount: usize,
}
