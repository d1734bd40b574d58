//! Typed reads and writes of single records, and how a group of keys goes away. Commands and queries speak of
//! repositories and branches through here; keys and encodings stay below.

use model::{
    Branch, BranchName, CommitId, CompletedUpload, Installation, ObjectPath, Refusal, Repository, RepositoryName,
    RepositoryUid, Settings, StagedValue, StagingToken, Tag, TagName, Upload, UploadId, User, UserId,
};
use proto::metadata::held::HeldTokens;
use proto::metadata::{Wire, decode, encode};

use super::key::{self, Task};
use super::keyspace::{KeyRange, Keyspace, Table, Transaction};
use super::{Halt, StateError};

/// Up to so many keys are deleted one by one; more are dropped as a range, which costs every later read a little.
const POINT_DELETES_MAX: usize = 100;

/// Of how many consumed tokens a branch remembers who holds them: several times as many as can be sealed at a time.
const HELD_TOKENS_MAX: usize = 64;

/// Reads a record, if it is there.
pub(crate) fn find<T: Wire>(keys: &dyn Keyspace, table: Table, key: &[u8]) -> Result<Option<T>, StateError> {
    Ok(keys.get(table, key)?.map(|bytes| decode(&bytes)).transpose()?)
}

/// Writes a record.
pub(crate) fn put<T: Wire>(tx: &mut Transaction<'_>, table: Table, key: Vec<u8>, value: &T) {
    tx.put(table, key, encode(value));
}

pub(crate) fn installation(keys: &dyn Keyspace) -> Result<Option<Installation>, StateError> {
    find(keys, Table::Settings, key::INSTALLATION)
}

pub(crate) fn repository(keys: &dyn Keyspace, name: &RepositoryName) -> Result<Repository, Halt> {
    find(keys, Table::Repos, &key::repository(name))?.ok_or_else(|| Refusal::RepositoryNotFound(name.clone()).into())
}

pub(crate) fn branch(keys: &dyn Keyspace, repository: &Repository, name: &BranchName) -> Result<Branch, Halt> {
    if let Some(found) = find(keys, Table::Refs, &key::branch(repository.uid, name))? {
        return Ok(found);
    }
    let tag: Option<Tag> = find(keys, Table::Refs, &key::tag_named(repository.uid, name.as_str()))?;
    Err(if tag.is_some() { Refusal::TagIsNoBranch(name.clone()) } else { Refusal::BranchNotFound(name.clone()) }.into())
}

/// Says of a name that no tag has what else has it.
pub(crate) fn no_such_tag(keys: &dyn Keyspace, repository: RepositoryUid, name: &TagName) -> Halt {
    match find::<Branch>(keys, Table::Refs, &key::branch_named(repository, name.as_str())) {
        Ok(Some(_)) => Refusal::BranchIsNoTag(name.clone()).into(),
        Ok(None) => Refusal::TagNotFound(name.clone()).into(),
        Err(error) => error.into(),
    }
}

pub(crate) fn put_branch(tx: &mut Transaction<'_>, repository: RepositoryUid, branch: &Branch) {
    put(tx, Table::Refs, key::branch(repository, &branch.name), branch);
}

/// A repository's settings; nothing is decided where there are none.
pub(crate) fn settings(keys: &dyn Keyspace, repository: RepositoryUid) -> Result<Settings, StateError> {
    Ok(find(keys, Table::Refs, &key::settings(repository))?.unwrap_or_default())
}

/// Refuses a name that a branch or tag of the repository has.
pub(crate) fn ref_is_free(keys: &dyn Keyspace, repository: RepositoryUid, name: &str) -> Result<(), Halt> {
    let branch: Option<Branch> = find(keys, Table::Refs, &key::branch_named(repository, name))?;
    let tag: Option<Tag> = find(keys, Table::Refs, &key::tag_named(repository, name))?;
    if branch.is_some() || tag.is_some() { Err(Refusal::RefExists(name.into()).into()) } else { Ok(()) }
}

pub(crate) fn upload(keys: &dyn Keyspace, repository: &Repository, id: UploadId) -> Result<Upload, Halt> {
    find(keys, Table::Uploads, &key::upload(repository.uid, id))?.ok_or_else(|| Refusal::UploadNotFound(id).into())
}

/// The branch for which an upload was begun. A later one of the name knows nothing of the upload.
pub(crate) fn branch_of_upload(keys: &dyn Keyspace, repository: &Repository, upload: &Upload) -> Result<Branch, Halt> {
    let branch = branch(keys, repository, &upload.new.branch)?;
    match branch.uid == upload.branch_uid {
        true => Ok(branch),
        false => Err(Refusal::UploadNotFound(upload.id).into()),
    }
}

/// What is remembered of an upload that was completed, as long as the branch is there for which it was begun.
pub(crate) fn completed_upload(
    keys: &dyn Keyspace,
    repository: &Repository,
    id: UploadId,
) -> Result<CompletedUpload, Halt> {
    let unknown = || Halt::from(Refusal::UploadNotFound(id));
    let completed: CompletedUpload =
        find(keys, Table::Uploads, &key::completed_upload(repository.uid, id))?.ok_or_else(unknown)?;
    let branch: Option<Branch> = find(keys, Table::Refs, &key::branch(repository.uid, &completed.branch))?;
    let is_there = branch.is_some_and(|branch| branch.uid == completed.branch_uid);
    is_there.then_some(completed).ok_or_else(unknown)
}

pub(crate) fn user(keys: &dyn Keyspace, id: UserId) -> Result<User, Halt> {
    find(keys, Table::Identities, &key::user(id))?.ok_or_else(|| Refusal::UserNotFound(None).into())
}

/// What is staged at a path: the newest token's value.
pub(crate) fn staged(
    keys: &dyn Keyspace,
    repository: RepositoryUid,
    branch: &Branch,
    path: &ObjectPath,
) -> Result<Option<StagedValue>, StateError> {
    for token in branch.tokens() {
        if let Some(value) = find(keys, Table::Staged, &key::staged(repository, token, path))? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Whether a token holds nothing. One seek.
pub(crate) fn is_empty(
    keys: &dyn Keyspace,
    repository: RepositoryUid,
    token: StagingToken,
) -> Result<bool, StateError> {
    Ok(keys.scan(Table::Staged, key::all_staged(repository, token)).next().transpose()?.is_none())
}

/// Whether anything is staged on a branch.
pub(crate) fn is_dirty(keys: &dyn Keyspace, repository: RepositoryUid, branch: &Branch) -> Result<bool, StateError> {
    for token in branch.tokens() {
        if !is_empty(keys, repository, token)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Leaves a token's entries, which nothing refers to any more, to [`reclaim`].
pub(crate) fn drop_token(tx: &mut Transaction<'_>, repository: RepositoryUid, token: StagingToken) {
    tx.put(Table::Tasks, key::dropped_token(repository, token), vec![]);
}

/// Leaves all that a deleted repository has to [`reclaim`].
pub(crate) fn drop_repository(tx: &mut Transaction<'_>, repository: RepositoryUid) {
    tx.put(Table::Tasks, key::deleted_repository(repository), vec![]);
}

/// Remembers which commits hold the tokens that a publication consumed.
pub(crate) fn remember_holders(
    tx: &mut Transaction<'_>,
    repository: RepositoryUid,
    branch: &BranchName,
    consumed: &[StagingToken],
    held_by: &[Option<CommitId>],
) -> Result<(), StateError> {
    let new = consumed.iter().zip(held_by).filter_map(|(token, held)| Some((*token, (*held)?)));
    let new: Vec<_> = new.collect();
    if new.is_empty() {
        return Ok(());
    }
    let key = key::held_tokens(repository, branch);
    let mut held: HeldTokens = find(tx, Table::Refs, &key)?.unwrap_or_default();
    held.0.extend(new);
    held.0.drain(..held.0.len().saturating_sub(HELD_TOKENS_MAX));
    put(tx, Table::Refs, key, &held);
    Ok(())
}

/// Which commit holds what a consumed token held, if it is one of the last.
pub(crate) fn holder(
    keys: &dyn Keyspace,
    repository: RepositoryUid,
    branch: &BranchName,
    token: StagingToken,
) -> Result<Option<CommitId>, StateError> {
    let held: Option<HeldTokens> = find(keys, Table::Refs, &key::held_tokens(repository, branch))?;
    Ok(held.and_then(|held| held.0.into_iter().find(|(held, _)| *held == token).map(|(_, commit)| commit)))
}

/// Deletes all keys of a range; a few one by one, many as a range. → whether there were any
pub(crate) fn erase(tx: &mut Transaction<'_>, table: Table, range: KeyRange) -> Result<bool, StateError> {
    let mut keys = Vec::new();
    for pair in tx.scan(table, range.clone()).take(POINT_DELETES_MAX + 1) {
        keys.push(pair?.0);
    }
    let any = !keys.is_empty();
    if keys.len() > POINT_DELETES_MAX {
        tx.delete_range(table, range);
    } else {
        keys.into_iter().for_each(|key| tx.delete(table, key));
    }
    Ok(any)
}

/// Removes what dropped tokens and deleted repositories left behind, at most `budget` of them. → whether more is left
///
/// Not replicated: each node does it when it has time. No read or command sees the difference.
pub(crate) fn reclaim(tx: &mut Transaction<'_>, budget: usize) -> Result<bool, StateError> {
    let mut due = Vec::new();
    for pair in tx.scan(Table::Tasks, key::all_tasks()).take(budget.saturating_add(1)) {
        due.push(pair?.0);
    }
    let more = due.len() > budget;
    for task in due.into_iter().take(budget) {
        match key::task(&task).ok_or_else(|| StateError::Corrupt(format!("unknown task {task:02x?}")))? {
            Task::Token(repository, token) => {
                erase(tx, Table::Staged, key::all_staged(repository, token))?;
            }
            Task::Repository(repository) => {
                for table in [Table::Refs, Table::Staged, Table::Uploads] {
                    erase(tx, table, key::all_of_repository(repository))?;
                }
            }
        }
        tx.delete(Table::Tasks, task);
    }
    Ok(more)
}
