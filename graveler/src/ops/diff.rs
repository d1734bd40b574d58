//! Compares two refs, or a branch's staged changes with its head.

use model::{BranchName, Entry, RepositoryName};

use crate::{Error, Graveler, RefExpr};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffKind {
    /// The right ref with the left one.
    TwoDot,
    /// The right ref with the merge base of both: what a merge of right into left would bring.
    ThreeDot,
}

/// Which part of a diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffRequest {
    /// Paths begin so.
    pub prefix: String,
    /// Changes beneath a common prefix are shown as one item.
    pub delimiter: Option<String>,
    /// Items behind this one: a path, or a common prefix, whose paths are then all skipped.
    pub after: String,
    /// How many items at most; more than [`model::PAGE_MAX`] is taken as that.
    pub amount: usize,
}

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only right has it.
    Added,
    /// Only left has it.
    Removed,
    /// Both have it, and a reader sees another object.
    Changed,
    /// Something beneath this common prefix differs.
    PrefixChanged,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffItem {
    /// Where: an object's path or a common prefix.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
    /// What left has.
    pub left: Option<Entry>,
    /// What right has.
    pub right: Option<Entry>,
}

/// One page of a diff, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffPage {
    /// In order.
    pub items: Vec<DiffItem>,
    /// Whether more come behind the last item.
    pub more: bool,
}

impl Graveler {
    /// Compares what is committed in two refs. Ranges that are equal are not read.
    pub async fn diff(
        &self,
        repository: &RepositoryName,
        left: &RefExpr,
        right: &RefExpr,
        kind: DiffKind,
        request: &DiffRequest,
    ) -> Result<DiffPage, Error> {
        let _ = (repository, left, right, kind, request);
        todo!()
    }

    /// Compares a branch's view (right) with its head (left).
    pub async fn diff_uncommitted(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        request: &DiffRequest,
    ) -> Result<DiffPage, Error> {
        let _ = (repository, branch, request);
        todo!()
    }
}
