//! Moves a branch from one head to the next and drops the tokens that the new head holds: the one compare-and-swap
//! that makes work visible. Invariant: a token is published once, by the command that comes first, and so is a request.

use model::{Command, Outcome, Publish, Refusal, RequestId, Version};

use super::dedup::kind;
use super::reflog::{self, Move};
use super::{Apply, ApplyContext, bounds, end_request};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

impl Apply for Publish {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        self.request.map(|request| (kind::PUBLISH, request))
    }

    fn check_bounds(&self) -> Result<(), String> {
        bounds::at_most("requests", self.ended.len(), Command::ENDED_MAX)?;
        bounds::at_most("commits in between", self.passed.len(), Command::ENDED_MAX)?;
        self.ended.iter().try_for_each(bounds::completed)?;
        bounds::note(&self.note)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, branch, expected, head, consumed, held_by, read_at, require_clean, ended, .. } = self;
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
        for request in ended {
            end_request::carried_out(tx, context, &repository, request)?;
        }
        branch.commit = *head;
        branch.version = Version(context.index);
        records::put_branch(tx, repository.uid, &branch);
        let mut old = *expected;
        for (new, note) in self.passed.iter().map(|(new, note)| (*new, note)).chain([(*head, &self.note)]) {
            if new != old {
                let moved = Move { old: Some(old), new: Some(new), deleted: None };
                reflog::record(tx, context, repository.uid, &branch.name, moved, note)?;
            }
            old = new;
        }
        Ok(Outcome::Branch(branch))
    }
}
