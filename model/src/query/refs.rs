//! Questions about branches, tags and what they held. Owns their shapes.

use serde::{Deserialize, Serialize};

use super::PageRequest;
use crate::{
    BranchName, ObjectPath, RefName, RefTarget, Repository, RepositoryName, StagedValue, StagingToken, TagName,
};

/// Finds what a ref names and what is staged at a path of it, in one go. → [`super::Answer::Lookup`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveRef {
    /// Where.
    pub repository: RepositoryName,
    /// A branch, tag, or commit id.
    pub reference: RefName,
    /// Where to look for a staged value, if the ref is a branch.
    pub path: Option<ObjectPath>,
}

/// Lists branches in the order of their names. → [`super::Answer::Branches`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListBranches {
    /// Where.
    pub repository: RepositoryName,
    /// Which page.
    pub page: PageRequest,
}

/// Lists the deletions of the branches that can be undeleted, in the order of their names. → [`super::Answer::Moves`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDeletedBranches {
    /// Where.
    pub repository: RepositoryName,
    /// Which page.
    pub page: PageRequest,
}

/// Lists the moves of a branch's head, newest first; also of one that is deleted. A name of which nothing is remembered
/// has none. → [`super::Answer::Moves`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadReflog {
    /// Where.
    pub repository: RepositoryName,
    /// Of which branch.
    pub branch: BranchName,
    /// Numbers are smaller.
    pub before: Option<u64>,
    /// How many at most.
    pub amount: usize,
}

/// Lists tags in the order of their names. → [`super::Answer::Tags`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListTags {
    /// Where.
    pub repository: RepositoryName,
    /// Which page.
    pub page: PageRequest,
}

/// Finds the commit that holds what a consumed token of a branch held; known of the last few. → [`super::Answer::CommitOfToken`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindCommitOfToken {
    /// Where.
    pub repository: RepositoryName,
    /// Of which branch.
    pub branch: BranchName,
    /// Which token.
    pub token: StagingToken,
}

/// What [`ResolveRef`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The repository.
    pub repository: Repository,
    /// What the ref names.
    pub target: RefTarget,
    /// What is staged at the path, if the ref is a branch and a path was asked for.
    pub staged: Option<StagedValue>,
}

/// A tag's or branch's name as [`ResolveRef`] takes it.
impl From<&TagName> for RefName {
    fn from(name: &TagName) -> Self {
        name.clone().into()
    }
}

impl From<&BranchName> for RefName {
    fn from(name: &BranchName) -> Self {
        name.clone().into()
    }
}
