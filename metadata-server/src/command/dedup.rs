//! The answers of commands that aren't idempotent, kept for a day: a retry gets the first answer again, a refusal too.
//! Invariant: however many requests come, each removes more expired answers than it adds.

use model::{Outcome, RequestId, Timestamp};
use proto::metadata::{decode, encode};

use crate::state::expiry::{self, KEPT_MILLIS};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{StateError, key};

/// How many expired answers one command removes at most.
const EXPIRED_MAX: usize = 4;

/// The kinds of commands whose answers are kept, and of what else lies with them. The kind is part of the key, so that an id that
/// is used for two kinds of commands by mistake doesn't answer one with the other. On disk: never renumber them.
pub(super) mod kind {
    pub(in crate::command) const CREATE_REPOSITORY: u8 = 1;
    pub(in crate::command) const CREATE_BRANCH: u8 = 2;
    pub(in crate::command) const CREATE_TAG: u8 = 3;
    pub(in crate::command) const CREATE_UPLOAD: u8 = 4;
    pub(in crate::command) const CREATE_USER: u8 = 5;
    pub(in crate::command) const CREATE_CREDENTIAL: u8 = 6;
    pub(in crate::command) const UNDELETE_BRANCH: u8 = 7;
    /// Permissions that were used up (`once`).
    pub(in crate::command) const ONCE: u8 = 8;
    pub(in crate::command) const PUBLISH: u8 = 20;
    pub(in crate::command) const CREATE_GROUP: u8 = 40;
    pub(in crate::command) const CREATE_POLICY: u8 = 41;
}

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
