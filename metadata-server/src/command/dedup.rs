//! The answers of commands that aren't idempotent, kept for a day: a retry gets the first answer again, a refusal too.
//! Invariant: however many requests come, each removes more expired answers than it adds.

use model::{
    Command, CreateBranch, CreateCredential, CreateGroup, CreatePolicy, CreateRepository, CreateTag, CreateUpload,
    CreateUser, Outcome, Publish, RequestId, Timestamp, UndeleteBranch,
};
use proto::metadata::{decode, encode};

use crate::state::expiry::{self, KEPT_MILLIS};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{StateError, key};

/// How many expired answers one command removes at most.
const EXPIRED_MAX: usize = 4;

/// A command's kind and request id, if it has one. The kind is part of the key, so that an id that is used for two
/// kinds of commands by mistake doesn't answer one with the other. Kinds are on disk: never renumber them. 8 is of `once`.
pub(super) fn request(command: &Command) -> Option<(u8, RequestId)> {
    match command {
        Command::CreateRepository(CreateRepository { request, .. }) => Some((CREATE_REPOSITORY, *request)),
        Command::CreateBranch(CreateBranch { request, .. }) => Some((2, *request)),
        Command::CreateTag(CreateTag { request, .. }) => Some((3, *request)),
        Command::CreateUpload(CreateUpload { request, .. }) => Some((4, *request)),
        Command::CreateUser(CreateUser { request, .. }) => Some((5, *request)),
        Command::CreateCredential(CreateCredential { request, .. }) => Some((6, *request)),
        Command::UndeleteBranch(UndeleteBranch { request, .. }) => Some((7, *request)),
        Command::Publish(Publish { request, .. }) => request.map(|request| (20, request)),
        Command::CreateGroup(CreateGroup { request, .. }) => Some((40, *request)),
        Command::CreatePolicy(CreatePolicy { request, .. }) => Some((41, *request)),
        Command::Forced(command) => request(command),
        Command::ClaimNamespace(_)
        | Command::DeleteRepository(_)
        | Command::ChangeSettings(_)
        | Command::DeleteBranch(_)
        | Command::DeleteTag(_)
        | Command::Stage(_)
        | Command::Unstage(_)
        | Command::Seal(_)
        | Command::PutPart(_)
        | Command::CompleteUpload(_)
        | Command::AbortUpload(_)
        | Command::BeginJob(_)
        | Command::ClaimJob(_)
        | Command::ReportJob(_)
        | Command::CancelJob(_)
        | Command::EndRequest(_)
        | Command::DeleteCredential(_)
        | Command::DeleteUser(_)
        | Command::EndSession(_)
        | Command::EndSessions(_)
        | Command::DeleteGroup(_)
        | Command::AddMember(_)
        | Command::RemoveMember(_)
        | Command::UpdatePolicy(_)
        | Command::DeletePolicy(_)
        | Command::AttachPolicy(_)
        | Command::DetachPolicy(_)
        | Command::SetUpAccess(_)
        | Command::Identify(_) => None,
    }
}

/// The kind of [`Command::CreateRepository`].
pub(super) const CREATE_REPOSITORY: u8 = 1;

/// Finds the first answer to a request.
pub(super) fn find(
    tx: &Transaction<'_>,
    now: Timestamp,
    kind: u8,
    request: RequestId,
) -> Result<Option<Outcome>, StateError> {
    match read(tx, kind, request)? {
        Some((expires, outcome)) if expires > now => Ok(Some(decode(&outcome)?)),
        _ => Ok(None),
    }
}

/// Keeps the first answer to a request.
pub(super) fn record(tx: &mut Transaction<'_>, now: Timestamp, kind: u8, request: RequestId, outcome: &Outcome) {
    keep(tx, now.plus_millis(KEPT_MILLIS), kind, request, encode(outcome));
}

/// Keeps what is encoded already.
pub(super) fn keep(tx: &mut Transaction<'_>, expires: Timestamp, kind: u8, request: RequestId, encoded: Vec<u8>) {
    let mut value = expires.as_millis().to_be_bytes().to_vec();
    value.extend(encoded);
    tx.put(Table::Dedup, key::answered(kind, request), value);
    tx.put(Table::Dedup, key::expiry(expires, kind, request), vec![]);
}

/// What is kept, expired or not.
pub(super) fn kept(tx: &Transaction<'_>, kind: u8, request: RequestId) -> Result<Option<Vec<u8>>, StateError> {
    Ok(read(tx, kind, request)?.map(|(_, encoded)| encoded))
}

/// Removes a few answers that have expired.
pub(super) fn expire(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let due: Vec<_> = tx.scan(Table::Dedup, key::expired(now)).take(EXPIRED_MAX).collect::<Result<_, _>>()?;
    for (due, _) in due {
        let (kind, request) = key::expiry_request(&due).ok_or_else(|| corrupt("an expiry's key"))?;
        tx.delete(Table::Dedup, due);
        let Some((expires, _)) = read(tx, kind, request)? else { continue };
        if expiry::is_over(expires, now, KEPT_MILLIS) {
            tx.delete(Table::Dedup, key::answered(kind, request));
        } else {
            // It was used again since for an answer that is still kept, or looked at too early, by a clock that was behind.
            tx.put(Table::Dedup, key::expiry(expires, kind, request), vec![]);
        }
    }
    put_off(tx, now)
}

/// Looks again in time at a few answers that expire later than any should; see [`expiry`].
fn put_off(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let far = key::expires_after(expiry::far(now, KEPT_MILLIS));
    let far: Vec<_> = tx.scan(Table::Dedup, far).take(EXPIRED_MAX).collect::<Result<_, _>>()?;
    for (far, _) in far {
        let (kind, request) = key::expiry_request(&far).ok_or_else(|| corrupt("an expiry's key"))?;
        tx.delete(Table::Dedup, far);
        tx.put(Table::Dedup, key::expiry(now.plus_millis(KEPT_MILLIS), kind, request), vec![]);
    }
    Ok(())
}

fn read(tx: &Transaction<'_>, kind: u8, request: RequestId) -> Result<Option<(Timestamp, Vec<u8>)>, StateError> {
    let Some(value) = tx.get(Table::Dedup, &key::answered(kind, request))? else { return Ok(None) };
    let (expires, outcome) = value.split_first_chunk().ok_or_else(|| corrupt("an answer's expiry"))?;
    Ok(Some((Timestamp::from_millis(i64::from_be_bytes(*expires)), outcome.to_vec())))
}

fn corrupt(what: &str) -> StateError {
    StateError::Corrupt(format!("{what} is cut short"))
}
