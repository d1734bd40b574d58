//! Commands that make, move and delete branches and tags. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BranchName, CommitId, CompletedRequest, Note, RepositoryName, RequestId, StagingToken, TagName, Version};

/// Makes a branch at a commit. → [`super::Outcome::Branch`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateBranch {
    /// So that a retry finds its own branch.
    pub request: RequestId,
    /// Where.
    pub repository: RepositoryName,
    /// Its name.
    pub branch: BranchName,
    /// What it points at.
    pub commit: CommitId,
    /// Whether lists leave it out.
    pub hidden: bool,
    /// For the reflog.
    pub note: Note,
}

impl fmt::Display for CreateBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch, commit, .. } = self;

        write!(f, "create branch {repository}/{branch} at {commit}")
    }
}

/// Deletes a branch. Its staged entries are kept apart for a while, for [`UndeleteBranch`].
/// → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteBranch {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub branch: BranchName,
    /// For the reflog.
    pub note: Note,
}

impl fmt::Display for DeleteBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch, .. } = self;

        write!(f, "delete branch {repository}/{branch}")
    }
}

/// Brings the branch back that was deleted last under a name, with the staged entries that are still kept.
/// → [`super::Outcome::Undeleted`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndeleteBranch {
    /// So that a retry finds its own branch.
    pub request: RequestId,
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub branch: BranchName,
    /// For the reflog.
    pub note: Note,
}

impl fmt::Display for UndeleteBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch, .. } = self;

        write!(f, "undelete branch {repository}/{branch}")
    }
}

/// Makes a tag. → [`super::Outcome::Tag`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTag {
    /// So that a retry finds its own tag.
    pub request: RequestId,
    /// Where.
    pub repository: RepositoryName,
    /// Its name.
    pub tag: TagName,
    /// What it names.
    pub commit: CommitId,
}

impl fmt::Display for CreateTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, tag, commit, .. } = self;

        write!(f, "create tag {repository}/{tag} at {commit}")
    }
}

/// Deletes a tag. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteTag {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub tag: TagName,
}

impl fmt::Display for DeleteTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, tag } = self;

        write!(f, "delete tag {repository}/{tag}")
    }
}

/// Moves a branch from one head to the next, and drops the tokens that the new head holds; the one
/// compare-and-swap that makes work visible. → [`super::Outcome::Branch`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// So that one whose answer was lost can be sent again, and is carried out once. Logs of earlier versions have
    /// none.
    pub request: Option<RequestId>,
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub branch: BranchName,
    /// Where it must be now.
    pub expected: CommitId,
    /// Where it goes; already in the object store.
    pub head: CommitId,
    /// Sealed tokens that are dropped. All must still be sealed, or the refusal is `HeadMoved`.
    pub consumed: Vec<StagingToken>,
    /// The commits, `head` or ancestors of it, that hold the tokens consumed, in their order; none for those whose
    /// changes are thrown away.
    pub held_by: Vec<Option<CommitId>>,
    /// The branch's `reset` when the tokens were read; another one refuses with `HeadMoved`. Any if `None`.
    pub read_at: Option<Version>,
    /// Whether anything else staged refuses the publication (as for a merge).
    pub require_clean: bool,
    /// The requests that this publication carries out, each at most once: one that was answered before refuses all
    /// with `RequestAnswered`.
    pub ended: Vec<CompletedRequest>,
    /// Where the head is on its way, one commit upon the other, each with its note for the reflog; without `head`.
    pub passed: Vec<(CommitId, Note)>,
    /// For the reflog, if the head is another than before.
    pub note: Note,
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, branch, expected, head, consumed, .. } = self;

        write!(f, "publish {repository}/{branch} {expected} → {head}, {} tokens", consumed.len())
    }
}
