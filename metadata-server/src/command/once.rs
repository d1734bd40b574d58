//! Permissions to stage one change: which are used up. Owns their memory, which lies with the answers that are kept, since it
//! is forgotten in the same way. Invariant: a permission that was used up stays so for as long as its time would let it be
//! used, and a day longer, should the clock go back.

use model::Once;

use super::{At, answered};
use crate::state::StateError;
use crate::state::keyspace::Transaction;

/// What stands in keys for the kind of command. On disk: never to change.
const KIND: u8 = 8;

/// Whether a permission can be used. One that ends too far ahead would have to be remembered for too long.
pub(super) fn is_good(tx: &Transaction<'_>, at: At, once: &Once) -> Result<bool, StateError> {
    let is_in_time = once.until >= at.time && !once.until.is_too_far(at.time, Once::LASTING_MS);
    Ok(is_in_time && !answered::is_kept(tx, KIND, once.id)?)
}

/// Uses a permission up. That it was is kept for two days at most, longer than answers: its turn in their queue is put off to
/// half of that, and by then it lies no further ahead than an answer may (`state/expiry`).
pub(super) fn spend(tx: &mut Transaction<'_>, at: At, once: &Once) -> Result<(), StateError> {
    answered::expire(tx, at.time)?;
    answered::keep(tx, once.until.plus_millis(answered::KEPT_MILLIS), KIND, once.id, Vec::new());
    Ok(())
}
