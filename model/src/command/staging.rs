//! Commands about what is staged on branches. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BranchName, RepositoryName, RepositoryUid, StagedChange, UnstageScope};

/// Stages changes on a branch, each judged by itself. → [`super::Outcome::Staged`], one outcome a change, in their order
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Where.
    pub repository: RepositoryName,
    /// The one that must have the name, if the changes' bytes lie in it: one that was made anew has other bytes.
    pub uid: Option<RepositoryUid>,
    /// Onto which branch.
    pub branch: BranchName,
    /// What; at most [`super::Command::STAGED_CHANGES_MAX`].
    pub changes: Vec<StagedChange>,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch, changes, .. } = self;

        write!(f, "stage {} changes on {repository}/{branch}", changes.len())
    }
}

/// Drops staged changes. → [`super::Outcome::Branch`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unstage {
    /// Where.
    pub repository: RepositoryName,
    /// On which branch.
    pub branch: BranchName,
    /// Which changes.
    pub scope: UnstageScope,
}

impl fmt::Display for Unstage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch, .. } = self;

        write!(f, "unstage on {repository}/{branch}")
    }
}

/// Gives the branch a new staging token, so that what is staged so far stays as it is, to be committed. A branch
/// whose present token is empty keeps it. → [`super::Outcome::Branch`], whose sealed tokens are what to commit
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub branch: BranchName,
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch } = self;

        write!(f, "seal {repository}/{branch}")
    }
}
