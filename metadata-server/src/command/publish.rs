//! Moves a branch from one head to the next and drops the tokens that the new head holds: the one compare-and-swap
//! that makes work visible. Invariant: a token is published once, by the command that comes first, and so is a request.

use model::{BranchName, CommitId, CompletedRequest, Note, Outcome, Refusal, RepositoryName, StagingToken, Version};

use super::reflog::{self, Move};
use super::{ApplyContext, end_request};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

/// What is to be published, as in [`model::Command::Publish`].
pub(super) struct Publication<'c> {
    pub(super) expected: CommitId,
    pub(super) head: CommitId,
    pub(super) consumed: &'c [StagingToken],
    pub(super) held_by: &'c [Option<CommitId>],
    pub(super) read_at: Option<Version>,
    pub(super) ended: &'c [CompletedRequest],
    pub(super) require_clean: bool,
    pub(super) passed: &'c [(CommitId, Note)],
    pub(super) note: &'c Note,
}

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &RepositoryName,
    branch: &BranchName,
    publication: &Publication<'_>,
) -> Result<Outcome, Halt> {
    let Publication { expected, head, consumed, held_by, read_at, require_clean, ended, passed, note } = publication;
    let repository = records::repository(tx, repository)?;
    let mut branch = records::branch(tx, &repository, branch)?;
    // Before all else: who tries again after an answer was lost must learn of it.
    end_request::none_is_answered(tx, context, ended)?;
    super::writable(tx, &repository)?;
    let is_reset = read_at.is_some_and(|read_at| read_at != branch.reset);
    if is_reset || branch.commit != *expected || !consumed.iter().all(|token| branch.sealed.contains(token)) {
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
    records::remember_holders(tx, repository.uid, &branch.name, consumed, held_by)?;
    for request in *ended {
        end_request::carried_out(tx, context, &repository, request)?;
    }
    branch.commit = *head;
    branch.version = Version(context.index);
    records::put_branch(tx, repository.uid, &branch);
    let mut old = *expected;
    for (new, note) in passed.iter().map(|(new, note)| (*new, note)).chain([(*head, *note)]) {
        if new != old {
            let moved = Move { old: Some(old), new: Some(new), deleted: None };
            reflog::record(tx, context, repository.uid, &branch.name, moved, note)?;
        }
        old = new;
    }
    Ok(Outcome::Branch(branch))
}
