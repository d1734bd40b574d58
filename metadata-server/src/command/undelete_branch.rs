//! Brings back the branch that was deleted last under a name: its head, and its staged entries if they are still kept.
//! A name that is in use again is refused.

use model::{Branch, BranchName, DeletedBranch, Note, Outcome, Refusal, RepositoryName, StagingToken, Uncommitted};
use model::{Undeleted, Version};

use super::ApplyContext;
use super::reflog::{self, Move};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &RepositoryName,
    name: &BranchName,
    note: &Note,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    super::writable(tx, &repository)?;
    let uid = repository.uid;
    records::ref_is_free(tx, uid, name.as_str())?;
    let deletion = reflog::deletion(tx, uid, name)?.filter(|deletion| deletion.expires > context.time);
    let not_found = || Refusal::DeletionNotFound(name.clone());
    let deletion = deletion.ok_or_else(not_found)?;
    let (Some(head), Some(DeletedBranch { created_at, mut uncommitted, uid: branch_uid })) =
        (deletion.old, deletion.deleted.clone())
    else {
        return Err(not_found().into());
    };

    let mut tokens = reflog::take_deleted(tx, uid, deletion);
    if matches!(uncommitted, Uncommitted::Kept { until, .. } if until <= context.time) {
        tokens.drain(..).for_each(|token| records::drop_token(tx, uid, token));
        uncommitted = Uncommitted::Gone;
    }
    let mut tokens = tokens.into_iter();
    let branch = Branch {
        name: name.clone(),
        commit: head,
        version: Version(context.index),
        staging: tokens.next().unwrap_or(StagingToken(context.index)),
        sealed: tokens.collect(),
        created_at,
        reset: Version(context.index),
        hidden: false,
        uid: branch_uid,
    };
    records::put_branch(tx, uid, &branch);
    reflog::record(tx, context, uid, name, Move::made(head), note)?;
    Ok(Outcome::Undeleted(Undeleted { branch, uncommitted }))
}
