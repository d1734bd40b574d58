//! Remembers the moves of branches, and forgets them in time. Owns the records' life: the bound on their number, their
//! expiry, and what a deleted branch leaves behind. Invariant: staged entries that a record keeps are dropped with it,
//! or go back to the branch, never both; each move forgets more that has expired than it adds.

use model::{
    BranchName, CommitId, DeletedBranch, Note, REFLOG_MOVES_MAX, ReflogEntry, RepositoryUid, StagingToken, Timestamp,
    Uncommitted,
};

use super::ApplyContext;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{StateError, expiry, key, records};

/// How many due expiries one move looks into at most; it adds two.
const EXPIRED_MAX: usize = 4;
/// How long a deleted branch's uncommitted changes are kept at most: they may be many, and each node holds them.
const UNCOMMITTED_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// From where to where a branch moved.
pub(super) struct Move {
    pub(super) old: Option<CommitId>,
    pub(super) new: Option<CommitId>,
    pub(super) deleted: Option<DeletedBranch>,
}

impl Move {
    /// Of a branch that is made, or made again.
    pub(super) fn made(at: CommitId) -> Self {
        Self { old: None, new: Some(at), deleted: None }
    }
}

/// Remembers a move.
pub(super) fn record(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: RepositoryUid,
    branch: &BranchName,
    moved: Move,
    note: &Note,
) -> Result<(), StateError> {
    expire(tx, context.time)?;
    put_off(tx, context.time, note.kept_ms)?;
    let number = newest(tx, repository, branch)?.map_or(1, |newest| newest.number + 1);
    if let Some(number) = number.checked_sub(REFLOG_MOVES_MAX)
        && let Some(oldest) =
            records::find::<ReflogEntry>(tx, Table::Refs, &key::reflog_entry(repository, branch, number))?
    {
        forget(tx, repository, &oldest)?;
    }
    let record = ReflogEntry {
        branch: branch.clone(),
        number,
        old: moved.old,
        new: moved.new,
        who: note.who.clone(),
        why: note.why.clone(),
        at: context.time,
        expires: context.time.plus_millis(note.kept_ms),
        deleted: moved.deleted,
    };
    let place = key::reflog_entry(repository, branch, number);
    if record.deleted.is_some() {
        tx.put(Table::Refs, key::deleted_branch(repository, branch), place.clone());
    }
    for due in dues(&record) {
        tx.put(Table::Dedup, key::move_expiry(due, repository, branch, number), place.clone());
    }
    records::put(tx, Table::Refs, place, &record);
    Ok(())
}

/// What a branch that is deleted now leaves behind: its staged entries for a while, if there are any.
pub(super) fn leave_behind(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: RepositoryUid,
    branch: &model::Branch,
    note: &Note,
) -> Result<DeletedBranch, StateError> {
    let uncommitted = if records::is_dirty(tx, repository, branch)? {
        let until = context.time.plus_millis(note.kept_ms.min(UNCOMMITTED_KEPT_MS));
        Uncommitted::Kept { tokens: branch.tokens().collect(), until }
    } else {
        branch.tokens().for_each(|token| records::drop_token(tx, repository, token));
        Uncommitted::Absent
    };
    Ok(DeletedBranch { created_at: branch.created_at, uncommitted, uid: branch.uid })
}

/// Finds the deletion by which a name went out of use, if it is remembered.
pub(super) fn deletion(
    tx: &Transaction<'_>,
    repository: RepositoryUid,
    branch: &BranchName,
) -> Result<Option<ReflogEntry>, StateError> {
    match tx.get(Table::Refs, &key::deleted_branch(repository, branch))? {
        Some(place) => records::find(tx, Table::Refs, &place),
        None => Ok(None),
    }
}

/// Takes what a deleted branch has left behind, since its name is used again. → the tokens of its staged entries, which
/// are the caller's now, to use or to drop
pub(super) fn take_deleted(
    tx: &mut Transaction<'_>,
    repository: RepositoryUid,
    mut deletion: ReflogEntry,
) -> Vec<StagingToken> {
    tx.delete(Table::Refs, key::deleted_branch(repository, &deletion.branch));
    let tokens = take_tokens(tx, repository, &mut deletion);
    let place = key::reflog_entry(repository, &deletion.branch, deletion.number);
    records::put(tx, Table::Refs, place, &deletion);
    tokens
}

/// Forgets a few records, or what they keep, whose time has come.
fn expire(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let due: Vec<_> = tx.scan(Table::Dedup, key::expired_moves(now)).take(EXPIRED_MAX).collect::<Result<_, _>>()?;
    for (due, place) in due {
        tx.delete(Table::Dedup, due.clone());
        let repository = repository_of(&due)?;
        // It may have gone with its repository.
        let Some(mut record) = records::find::<ReflogEntry>(tx, Table::Refs, &place)? else { continue };
        let is_over = |expires: Timestamp| expiry::is_over(expires, now, lasting(expires, &record));
        let kept_until = kept_until(&record).filter(|until| *until != record.expires);
        if record.expires <= now || (kept_until.is_none() && is_over(record.expires)) {
            forget(tx, repository, &record)?;
        } else if kept_until.is_some_and(is_over) {
            let tokens = take_tokens(tx, repository, &mut record);
            tokens.into_iter().for_each(|token| records::drop_token(tx, repository, token));
            records::put(tx, Table::Refs, place, &record);
        } else {
            // It was looked at too early, by a clock that was behind.
            for due in dues(&record) {
                let key = key::move_expiry(due, repository, &record.branch, record.number);
                tx.put(Table::Dedup, key, place.clone());
            }
        }
    }
    Ok(())
}

/// Looks again in time at a few records that are kept for longer than any should be, as long as that is `kept_ms`; see
/// [`expiry`]. Those that were to be kept for longer when they were made stay where they are.
fn put_off(tx: &mut Transaction<'_>, now: Timestamp, kept_ms: u64) -> Result<(), StateError> {
    let far = key::moves_expiring_after(expiry::far(now, kept_ms));
    let far: Vec<_> = tx.scan(Table::Dedup, far).take(EXPIRED_MAX).collect::<Result<_, _>>()?;
    for (far, place) in far {
        let due = key::due_time(&far).ok_or_else(cut_short)?;
        // It may have gone with its repository.
        let Some(record) = records::find::<ReflogEntry>(tx, Table::Refs, &place)? else { continue };
        let (lasting_ms, is_put_off) = (lasting(due, &record), dues(&record).all(|its| its != due));
        if !is_put_off && due.is_too_far(now, lasting_ms) {
            let again = now.plus_millis(lasting_ms);
            let key = key::move_expiry(again, repository_of(&far)?, &record.branch, record.number);
            tx.put(Table::Dedup, key, place);
            tx.delete(Table::Dedup, far);
        }
    }
    Ok(())
}

/// For how many milliseconds something of a record was to be kept that expires then.
fn lasting(expires: Timestamp, record: &ReflogEntry) -> u64 {
    u64::try_from(expires.as_millis().saturating_sub(record.at.as_millis())).unwrap_or(0)
}

fn repository_of(due: &[u8]) -> Result<RepositoryUid, StateError> {
    key::move_expiry_repository(due).ok_or_else(cut_short)
}

fn cut_short() -> StateError {
    StateError::Corrupt("the expiry of a branch's move is cut short".into())
}

/// Removes a record and all that hangs on it.
fn forget(tx: &mut Transaction<'_>, repository: RepositoryUid, record: &ReflogEntry) -> Result<(), StateError> {
    let place = key::reflog_entry(repository, &record.branch, record.number);
    for due in dues(record) {
        tx.delete(Table::Dedup, key::move_expiry(due, repository, &record.branch, record.number));
    }
    if let Some(DeletedBranch { uncommitted: Uncommitted::Kept { tokens, .. }, .. }) = &record.deleted {
        tokens.iter().for_each(|token| records::drop_token(tx, repository, *token));
    }
    let deleted = key::deleted_branch(repository, &record.branch);
    if tx.get(Table::Refs, &deleted)?.is_some_and(|newest| newest == place) {
        tx.delete(Table::Refs, deleted);
    }
    tx.delete(Table::Refs, place);
    Ok(())
}

/// Takes the tokens out of a record, which the caller writes.
fn take_tokens(tx: &mut Transaction<'_>, repository: RepositoryUid, record: &mut ReflogEntry) -> Vec<StagingToken> {
    let Some(DeletedBranch { uncommitted, .. }) = &mut record.deleted else { return vec![] };
    let Uncommitted::Kept { tokens, until } = uncommitted else { return vec![] };
    let (tokens, until) = (std::mem::take(tokens), *until);
    *uncommitted = Uncommitted::Gone;
    if until != record.expires {
        tx.delete(Table::Dedup, key::move_expiry(until, repository, &record.branch, record.number));
    }
    tokens
}

fn newest(
    tx: &Transaction<'_>,
    repository: RepositoryUid,
    branch: &BranchName,
) -> Result<Option<ReflogEntry>, StateError> {
    let newest = tx.scan(Table::Refs, key::branch_moves(repository, branch, None)).next().transpose()?;
    Ok(newest.map(|(_, record)| proto::metadata::decode(&record)).transpose()?)
}

/// When something of a record is to be forgotten.
fn dues(record: &ReflogEntry) -> impl Iterator<Item = Timestamp> {
    std::iter::once(record.expires).chain(kept_until(record).filter(|until| *until != record.expires))
}

/// Until when a record keeps a deleted branch's uncommitted changes, if it has some.
fn kept_until(record: &ReflogEntry) -> Option<Timestamp> {
    match &record.deleted {
        Some(DeletedBranch { uncommitted: Uncommitted::Kept { until, .. }, .. }) => Some(*until),
        _ => None,
    }
}
