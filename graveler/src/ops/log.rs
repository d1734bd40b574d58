//! Walks history: the log of a ref, and the merge base of two commits.

use std::sync::Arc;

use model::{Commit, CommitId, Repository, RepositoryName};

use crate::{Error, Graveler, RefExpr};

/// Which part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Commits behind this one.
    pub after: Option<CommitId>,
    /// How many at most; more than [`model::PAGE_MAX`] is taken as that.
    pub amount: usize,
    /// Only first parents: what happened on the branch itself.
    pub first_parent: bool,
}

/// One page of a log: newest first, and no commit before its children that the log has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// In order.
    pub commits: Vec<(CommitId, Arc<Commit>)>,
    /// Whether more come behind the last.
    pub more: bool,
}

impl Graveler {
    /// Lists the commits that a ref reaches, newest first.
    pub async fn log(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        request: &LogRequest,
    ) -> Result<LogPage, Error> {
        let _ = (repository, expr, request);
        todo!()
    }

    /// Finds the best common ancestor of two commits: the one of the largest generation; among several of it (in
    /// criss-cross histories), the one with the smallest id. `None` if they have no history in common.
    pub async fn merge_base(
        &self,
        repository: &Repository,
        a: &CommitId,
        b: &CommitId,
    ) -> Result<Option<CommitId>, Error> {
        let _ = (repository, a, b);
        todo!()
    }
}
