//! Walks history: the log of a ref, and the merge base of two commits. Owns paging; `history/` owns the walks.
//! Invariant: pages follow each other without a gap or a repetition, since history doesn't change.

use std::sync::Arc;

use model::{Commit, CommitId, PAGE_MAX, Repository, RepositoryName};

use super::resolve::commit_if_there;
use crate::history::{HistoryWalk, merge_base};
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
    ///
    /// A page begins by walking to where the last one ended (commits are cached); with `first_parent` it begins there.
    pub async fn log(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        request: &LogRequest,
    ) -> Result<LogPage, Error> {
        let resolved = self.resolve(repository, expr).await?;
        let files = self.files(&resolved.repository)?;
        if let Some(after) = request.after
            && commit_if_there(&files, after).await?.is_none()
        {
            return Err(Error::Invalid(format!("there is no commit {after}")));
        }
        let start = request.after.filter(|_| request.first_parent).unwrap_or(resolved.commit);
        let mut walk = HistoryWalk::new(&files, start, request.first_parent).await?;
        if let Some(after) = request.after {
            loop {
                match walk.next().await? {
                    Some((id, _)) if id == after => break,
                    Some(_) => {}
                    None => return Err(Error::Invalid(format!("{after} is no commit in the log of {expr}"))),
                }
            }
        }
        let amount = request.amount.min(PAGE_MAX);
        let mut page = LogPage { commits: Vec::new(), more: false };
        while page.commits.len() < amount
            && let Some(found) = walk.next().await?
        {
            page.commits.push(found);
        }
        page.more = amount > 0 && !walk.is_done();
        Ok(page)
    }

    /// Finds the best common ancestor of two commits: the one of the largest generation; among several of it (in
    /// criss-cross histories), the one with the smallest id. `None` if they have no history in common.
    pub async fn merge_base(
        &self,
        repository: &Repository,
        a: &CommitId,
        b: &CommitId,
    ) -> Result<Option<CommitId>, Error> {
        merge_base(&self.files(repository)?, *a, *b).await
    }
}
