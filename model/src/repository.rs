//! A repository as the metadata service knows it.

use serde::{Deserialize, Serialize};

use crate::{BranchName, BranchPattern, Refusal, RepositoryName, RepositoryUid, StorageNamespace, Timestamp};

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
    /// Whether it takes no writes.
    pub read_only: bool,
    /// Which branches change by merges only.
    pub protected: Vec<BranchPattern>,
}

impl Repository {
    /// Refuses a change of anything.
    pub fn writable(&self) -> Result<(), Refusal> {
        match self.read_only {
            true => Err(Refusal::ReadOnly(self.name.clone())),
            false => Ok(()),
        }
    }

    /// Refuses a change of a branch that is no merge: a write, a commit, a reset.
    pub fn open_to_writes(&self, branch: &BranchName) -> Result<(), Refusal> {
        self.writable()?;
        self.unprotected(branch)
    }

    /// Refuses a change of a protected branch that is no merge.
    pub fn unprotected(&self, branch: &BranchName) -> Result<(), Refusal> {
        match self.protected.iter().any(|pattern| pattern.matches(branch)) {
            true => Err(Refusal::ProtectedBranch(branch.clone())),
            false => Ok(()),
        }
    }
}
