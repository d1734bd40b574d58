//! Finds the commit that a ref expression names.

use std::sync::Arc;

use model::{Branch, Commit, CommitId, Repository, RepositoryName};

use crate::{Error, Graveler, RefExpr};

/// What a ref expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Where.
    pub repository: Repository,
    /// The commit; a branch's head.
    pub commit: CommitId,
    /// The branch, if the expression is its bare name (or `name$`): then its view has staged entries over the commit.
    pub branch: Option<Branch>,
}

impl Graveler {
    /// Finds the commit that an expression names.
    pub async fn resolve(&self, repository: &RepositoryName, expr: &RefExpr) -> Result<Resolved, Error> {
        let _ = (repository, expr);
        todo!()
    }

    /// Reads a commit object; cached, since it never changes.
    pub async fn commit_object(&self, repository: &Repository, id: &CommitId) -> Result<Arc<Commit>, Error> {
        let _ = (repository, id);
        todo!()
    }
}
