//! A repository as the metadata service knows it.

use serde::{Deserialize, Serialize};

use crate::{BranchName, RepositoryName, RepositoryUid, StorageNamespace, Timestamp};

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its id for ever.
    pub uid: RepositoryUid,
    /// Its name, which is its S3 bucket.
    pub name: RepositoryName,
    /// Where it lives.
    pub namespace: StorageNamespace,
    /// The branch that can't be deleted.
    pub default_branch: BranchName,
    /// When it was made.
    pub created_at: Timestamp,
}
