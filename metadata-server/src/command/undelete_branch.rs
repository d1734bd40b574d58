//! Brings back the branch that was deleted last under a name: its head, and its staged entries if they are still kept.
//! A name that is in use again is refused.

use model::{Branch, DeletedBranch, Outcome, Refusal, RequestId, StagingToken, Uncommitted, UndeleteBranch};
use model::{Undeleted, Version};

use super::dedup::kind;
use super::reflog::{self, Move};
use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

impl Apply for UndeleteBranch {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::UNDELETE_BRANCH, self.request))
    }

    fn check_bounds(&self) -> Result<(), String> {
        bounds::note(&self.note)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, branch: name, note, .. } = self;
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
}
