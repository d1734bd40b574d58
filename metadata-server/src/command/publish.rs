//! Moves a branch from one head to the next and drops the tokens that the new head holds: the one compare-and-swap
//! that makes work visible. Invariant: a token is published once, by whoever comes first.

use model::{BranchName, CommitId, Note, Outcome, Refusal, RepositoryName, StagingToken, Version};

use super::At;
use super::reflog::{self, Move};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

/// What is to be published, as in [`model::Command::Publish`].
pub(super) struct Publication<'c> {
    pub(super) expected: CommitId,
    pub(super) head: CommitId,
    pub(super) consumed: &'c [StagingToken],
    pub(super) require_clean: bool,
    pub(super) note: &'c Note,
}

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    at: At,
    repository: &RepositoryName,
    branch: &BranchName,
    publication: &Publication<'_>,
) -> Result<Outcome, Halt> {
    let Publication { expected, head, consumed, require_clean, note } = publication;
    let repository = records::repository(tx, repository)?;
    let mut branch = records::branch(tx, &repository, branch)?;
    if branch.commit != *expected || !consumed.iter().all(|token| branch.sealed.contains(token)) {
        return Err(Refusal::HeadMoved { branch: branch.name, head: branch.commit }.into());
    }
    let (dropped, kept): (Vec<_>, Vec<_>) = branch.sealed.iter().partition(|token| consumed.contains(token));
    branch.sealed = kept;
    if *require_clean && records::is_dirty(tx, repository.uid, &branch)? {
        return Err(Refusal::DirtyBranch(branch.name).into());
    }
    for token in dropped {
        records::drop_token(tx, repository.uid, token);
    }
    branch.commit = *head;
    branch.version = Version(at.index);
    records::put_branch(tx, repository.uid, &branch);
    if head != expected {
        let moved = Move { old: Some(*expected), new: Some(*head), deleted: None };
        reflog::record(tx, at, repository.uid, &branch.name, moved, note)?;
    }
    Ok(Outcome::Branch(branch))
}
