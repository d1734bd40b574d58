//! Commands about repositories as a whole. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BranchName, CommitId, Note, RepositoryName, RequestId, SettingsChange, StorageNamespace};

/// Claims a storage namespace for a repository that is about to be made, before anything is written there. One that
/// was claimed before and has no repository yet keeps its claim: that creation was cut off, and this one goes on with
/// it. → [`super::Outcome::Claimed`], or [`super::Outcome::Repository`] if the request has made its repository already
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimNamespace {
    /// The request that will make the repository; the claim's id, unless there is one.
    pub request: RequestId,
    /// The repository's name.
    pub name: RepositoryName,
    /// Where it shall live.
    pub namespace: StorageNamespace,
}

impl fmt::Display for ClaimNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, namespace, .. } = self;

        write!(f, "claim {namespace} for repository {name}")
    }
}

/// Makes a repository whose default branch points at a first commit. → [`super::Outcome::Repository`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRepository {
    /// So that a retry finds its own repository.
    pub request: RequestId,
    /// Its name.
    pub name: RepositoryName,
    /// Where it lives.
    pub namespace: StorageNamespace,
    /// Its first branch.
    pub default_branch: BranchName,
    /// What that points at, already in the object store; a repository without it begins without a branch.
    pub commit: Option<CommitId>,
    /// The claim on its namespace, which must be there still and ends with this. Logs of earlier versions have none.
    pub claim: Option<RequestId>,
    /// For that branch's reflog.
    pub note: Note,
}

impl fmt::Display for CreateRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, namespace, .. } = self;

        write!(f, "create repository {name} at {namespace}")
    }
}

/// Forgets a repository with all refs, staged entries and uploads; leaves its objects alone. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRepository {
    /// Which.
    pub name: RepositoryName,
}

impl fmt::Display for DeleteRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name } = self;

        write!(f, "delete repository {name}")
    }
}

/// Decides something about a repository. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSettings {
    /// Which.
    pub repository: RepositoryName,
    /// What.
    pub change: SettingsChange,
}

impl fmt::Display for ChangeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, .. } = self;

        write!(f, "change settings of repository {repository}")
    }
}
