//! Permissions to stage one change: which are used up. Owns their memory, which lies with the answers that are kept, since it
//! is forgotten in the same way. Invariant: a permission that was used up stays so for as long as its time would let it be
//! used, and a day longer, should the clock go back.

use model::Once;

use super::{ApplyContext, dedup};
use crate::state::StateError;
use crate::state::expiry::KEPT_MILLIS;
use crate::state::keyspace::Transaction;

/// What stands in keys for the kind of command. On disk: never to change.
const KIND: u8 = 8;

/// Whether a permission can be used. One that ends too far ahead would have to be remembered for too long.
pub(super) fn is_good(tx: &Transaction<'_>, context: ApplyContext, once: &Once) -> Result<bool, StateError> {
    let is_in_time = once.until >= context.time && !once.until.is_too_far(context.time, Once::LASTING_MS);
    Ok(is_in_time && !dedup::is_kept(tx, KIND, once.id)?)
}

/// Uses a permission up. That it was is kept for two days at most, longer than answers: its turn in their queue is put off to
/// half of that, and by then it lies no further ahead than an answer may (`state/expiry`).
pub(super) fn spend(tx: &mut Transaction<'_>, context: ApplyContext, once: &Once) -> Result<(), StateError> {
    dedup::expire(tx, context.time)?;
    dedup::keep(tx, once.until.plus_millis(KEPT_MILLIS), KIND, once.id, Vec::new());
    Ok(())
}
