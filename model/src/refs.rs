//! Refs: the names that point into history. Owns the nouns; `metadata-server` keeps them.

use serde::{Deserialize, Serialize};

use crate::{BranchName, BranchUid, CommitId, Refusal, StagingToken, TagName, Timestamp, Version};

/// A movable pointer with uncommitted changes over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Its name.
    pub name: BranchName,
    /// Its head.
    pub commit: CommitId,
    /// Changes with each change of this record (not with each staged entry).
    pub version: Version,
    /// Where writes go now.
    pub staging: StagingToken,
    /// Tokens that a commit sealed and nothing has published yet, newest first.
    pub sealed: Vec<StagingToken>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The log index of the last reset that took something out of sealed tokens: who read them before must read again.
    pub reset: Version,
    /// Whether lists leave it out unless they are asked for it: a branch for the time of a transaction.
    pub hidden: bool,
    /// Tells it from others that had or will have its name. It comes back with a branch that is undeleted.
    pub uid: BranchUid,
}

impl Branch {
    /// All tokens that a reader must look into, newest first.
    pub fn tokens(&self) -> impl Iterator<Item = StagingToken> + '_ {
        std::iter::once(self.staging).chain(self.sealed.iter().copied())
    }
}

/// A name for a commit that doesn't move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: TagName,
    /// What it names.
    pub commit: CommitId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a [`crate::RefName`] names in the metadata service. A commit id is nothing that the service knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefTarget {
    /// A branch.
    Branch(Branch),
    /// A tag.
    Tag(Tag),
    /// Neither; perhaps a commit id.
    Unknown,
}

impl RefTarget {
    /// The branch that a name was to name.
    pub fn into_branch(self, name: &BranchName) -> Result<Branch, Refusal> {
        match self {
            Self::Branch(branch) => Ok(branch),
            Self::Tag(_) => Err(Refusal::TagIsNoBranch(name.clone())),
            Self::Unknown => Err(Refusal::BranchNotFound(name.clone())),
        }
    }

    /// The tag that a name was to name.
    pub fn into_tag(self, name: &TagName) -> Result<Tag, Refusal> {
        match self {
            Self::Tag(tag) => Ok(tag),
            Self::Branch(_) => Err(Refusal::BranchIsNoTag(name.clone())),
            Self::Unknown => Err(Refusal::TagNotFound(name.clone())),
        }
    }
}
