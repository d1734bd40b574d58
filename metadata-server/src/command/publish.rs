//! Moves a branch from one head to the next and drops the tokens that the new head holds: the one compare-and-swap
//! that makes work visible. Invariant: a token is published once, by whoever comes first.

use model::{Branch, BranchName, CommitId, Outcome, Refusal, RepositoryName, RepositoryUid, StagingToken, Version};

use super::At;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, StateError, records};

/// What is to be published, as in [`model::Command::Publish`].
pub(super) struct Publication<'c> {
    pub(super) expected: CommitId,
    pub(super) head: CommitId,
    pub(super) consumed: &'c [StagingToken],
    pub(super) require_clean: bool,
}

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    at: At,
    repository: &RepositoryName,
    branch: &BranchName,
    publication: &Publication<'_>,
) -> Result<Outcome, Halt> {
    let Publication { expected, head, consumed, require_clean } = publication;
    let repository = records::repository(tx, repository)?;
    let mut branch = records::branch(tx, &repository, branch)?;
    if branch.commit != *expected || !consumed.iter().all(|token| branch.sealed.contains(token)) {
        return Err(Refusal::HeadMoved { branch: branch.name, head: branch.commit }.into());
    }
    let (dropped, kept): (Vec<_>, Vec<_>) = branch.sealed.iter().partition(|token| consumed.contains(token));
    branch.sealed = kept;
    if *require_clean && is_dirty(tx, repository.uid, &branch)? {
        return Err(Refusal::DirtyBranch(branch.name).into());
    }
    for token in dropped {
        records::drop_token(tx, repository.uid, token);
    }
    branch.commit = *head;
    branch.version = Version(at.index);
    records::put_branch(tx, repository.uid, &branch);
    Ok(Outcome::Branch(branch))
}

/// Whether anything is staged.
fn is_dirty(tx: &Transaction<'_>, repository: RepositoryUid, branch: &Branch) -> Result<bool, StateError> {
    for token in branch.tokens() {
        if !records::is_empty(tx, repository, token)? {
            return Ok(true);
        }
    }
    Ok(false)
}
