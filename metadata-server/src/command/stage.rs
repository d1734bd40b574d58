//! Stages changes on a branch, in its present token, each judged by itself. Owns how a condition is judged.
//! Invariant: two writers with `If-None-Match: *` on one path never both succeed, and of those with one permission one.

use std::sync::Arc;

use model::{
    Branch, BranchName, Command, Condition, ObjectPath, Outcome, Refusal, Repository, RepositoryName, RepositoryUid,
    Require, Stage, StageOutcome, StagedChange, StagedValue,
};

use super::once::{self, Permission};
use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, StateError, key, records};

impl Apply for Stage {
    fn check_bounds(&self) -> Result<(), String> {
        bounds::at_most("changes", self.changes.len(), Command::STAGED_CHANGES_MAX)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository: name, uid, branch, changes } = self;
        let uid = *uid;
        let place = find(tx, name, uid, branch)?;
        let (repository, branch) = &*place;
        let mut outcomes = Vec::with_capacity(changes.len());
        for StagedChange { path, value, condition, once } in changes {
            let permission = once.as_ref().map(|once| once::judge(tx, context, once, path, value)).transpose()?;
            outcomes.push(match permission {
                Some(Permission::Spent) => StageOutcome::Spent,
                Some(Permission::UsedByThis) => StageOutcome::Staged,
                Some(Permission::Good) | None => {
                    let outcome = stage(tx, repository.uid, branch, path, value, condition.as_ref())?;
                    if let (Some(once), StageOutcome::Staged) = (once, outcome) {
                        once::spend(tx, context, once, path, value)?;
                    }
                    outcome
                }
            });
        }
        Ok(Outcome::Staged(outcomes))
    }
}

/// Reads the branch, or takes it from the command before; refuses another repository than the one with `uid`.
fn find(
    tx: &mut Transaction<'_>,
    name: &RepositoryName,
    uid: Option<RepositoryUid>,
    branch: &BranchName,
) -> Result<Arc<(Repository, Branch)>, Halt> {
    let meant = |repository: &Repository| match uid {
        Some(uid) if uid != repository.uid => Err(Halt::from(Refusal::RepositoryNotFound(name.clone()))),
        _ => Ok(()),
    };
    let may_write = |repository: &Repository| tx.is_forced() || !repository.read_only;
    let remembered = tx.remembered().filter(|place| place.0.name == *name && place.1.name == *branch);
    if let Some(place) = remembered.filter(|place| may_write(&place.0)) {
        return meant(&place.0).map(|()| place);
    }
    let repository = records::repository(tx, name)?;
    meant(&repository)?;
    let branch = records::branch(tx, &repository, branch)?;
    super::open_to_writes(tx, &repository, &branch.name)?;
    let place = Arc::new((repository, branch));
    tx.remember(Arc::clone(&place));
    Ok(place)
}

/// Stages one value if its condition holds.
pub(super) fn stage(
    tx: &mut Transaction<'_>,
    repository: RepositoryUid,
    branch: &Branch,
    path: &ObjectPath,
    value: &StagedValue,
    condition: Option<&Condition>,
) -> Result<StageOutcome, StateError> {
    let outcome = match condition {
        Some(condition) => judge(records::staged(tx, repository, branch, path)?, branch, condition),
        None => StageOutcome::Staged,
    };
    if outcome == StageOutcome::Staged {
        records::put(tx, Table::Staged, key::staged(repository, branch.staging, path), value);
    }
    Ok(outcome)
}

/// Judges a condition against what is at its path: what is staged, or else what the writer saw committed, if that is
/// still the head.
fn judge(staged: Option<StagedValue>, branch: &Branch, condition: &Condition) -> StageOutcome {
    if let (Require::Same(wanted), Some(StagedValue::Entry(entry))) = (&condition.require, &staged) {
        return if **wanted == *entry { StageOutcome::Staged } else { StageOutcome::ConditionFailed };
    }
    let e_tag = match staged {
        Some(StagedValue::Entry(entry)) => Some(entry.e_tag),
        Some(StagedValue::Tombstone) => None,
        None if branch.commit == condition.commit => condition.committed_e_tag.clone(),
        None => return StageOutcome::HeadMoved,
    };
    match (&condition.require, e_tag) {
        (Require::Absent, None) | (Require::Present(None) | Require::Same(_), Some(_)) => StageOutcome::Staged,
        (Require::Present(Some(wanted)), Some(there)) if *wanted == there => StageOutcome::Staged,
        (Require::Present(_) | Require::Same(_), None) => StageOutcome::NotFound,
        (Require::Absent | Require::Present(Some(_)), Some(_)) => StageOutcome::ConditionFailed,
    }
}
