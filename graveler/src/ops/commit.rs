//! Builds commits: ranges, metarange, commit object. What it builds is invisible until its caller publishes it.

use std::collections::BTreeMap;

use model::{BranchName, Commit, CommitId, Repository, StagingToken, Timestamp};

use crate::{Error, Graveler};

/// What a committer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Who.
    pub committer: String,
    /// Why.
    pub message: String,
    /// What else.
    pub metadata: BTreeMap<String, String>,
    /// When.
    pub created_at: Timestamp,
    /// Whether a commit that changes nothing is one.
    pub allow_empty: bool,
}

/// How many entries differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// New paths.
    pub added: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths with another object.
    pub changed: u64,
}

impl ChangeCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.added + self.removed + self.changed
    }
}

/// A commit that is in the object store, and in no ref yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its id.
    pub id: CommitId,
    /// What it says.
    pub commit: Commit,
    /// How many paths it changes. A merge counts those that it had to look at one by one, and not those in ranges
    /// that it took whole.
    pub changes: u64,
}

impl Graveler {
    /// Builds a commit of what some of a branch's staging tokens hold (newest first) over a base commit.
    ///
    /// Fails with [`Error::NoChanges`] when the tree stays the same, unless an empty commit is allowed.
    pub async fn build_commit(
        &self,
        repository: &Repository,
        base: &CommitId,
        branch: &BranchName,
        sealed: &[StagingToken],
        info: &CommitInfo,
    ) -> Result<Built, Error> {
        let _ = (repository, base, branch, sealed, info);
        todo!()
    }
}
