//! Permissions to stage one change: which are used up, and by what. Owns their memory, which lies with the answers that are kept,
//! since it is forgotten in the same way. Invariant: a permission that was used up stays so for as long as its time would let
//! it be used, and a day longer, should the clock go back.

use model::{ObjectPath, Once, StagedValue};
use proto::metadata::encode;

use super::ApplyContext;
use super::dedup::{self, kind};
use crate::state::StateError;
use crate::state::expiry::KEPT_MILLIS;
use crate::state::keyspace::Transaction;

/// What can be said of a permission to stage a change.
pub(super) enum Permission {
    /// It can be used.
    Good,
    /// This very change has used it: the command was sent again.
    UsedByThis,
    /// Another change has used it, or it isn't good at this time.
    Spent,
}

/// Judges a permission. One that ends too far ahead would have to be remembered for too long.
pub(super) fn judge(
    tx: &Transaction<'_>,
    context: ApplyContext,
    once: &Once,
    path: &ObjectPath,
    value: &StagedValue,
) -> Result<Permission, StateError> {
    Ok(match dedup::kept(tx, kind::ONCE, once.id)? {
        Some(used_by) if used_by == digest(path, value) => Permission::UsedByThis,
        Some(_) => Permission::Spent,
        None if once.until < context.time || once.until.is_too_far(context.time, Once::LASTING_MS) => Permission::Spent,
        None => Permission::Good,
    })
}

/// Uses a permission up. That it was is kept for two days at most, longer than answers: its turn in their queue is put off to
/// half of that, and by then it lies no further ahead than an answer may (`state/expiry`).
pub(super) fn spend(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    once: &Once,
    path: &ObjectPath,
    value: &StagedValue,
) -> Result<(), StateError> {
    dedup::expire(tx, context.time)?;
    dedup::keep(tx, once.until.plus_millis(KEPT_MILLIS), kind::ONCE, once.id, digest(path, value));
    Ok(())
}

/// Tells changes apart. On disk: never to change.
fn digest(path: &ObjectPath, value: &StagedValue) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(path.as_str().len() as u64).to_be_bytes()).update(path.as_str().as_bytes()).update(&encode(value));
    hasher.finalize().as_bytes()[..16].to_vec()
}
