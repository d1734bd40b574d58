//! Permissions to stage one change: which are used up. Owns their memory, which lies with the answers that are kept, since it
//! is forgotten in the same way. Invariant: a permission that was used up stays so for as long as its time would let it be
//! used, and a day longer, should the clock go back.

use model::{Once, Timestamp};

use super::{At, answered};
use crate::state::StateError;
use crate::state::keyspace::Transaction;

/// What stands in keys for the kind of command. On disk: never to change.
const KIND: u8 = 8;

/// Whether a permission can be used. One that ends too far ahead would have to be remembered for too long.
pub(super) fn is_good(tx: &Transaction<'_>, at: At, once: &Once) -> Result<bool, StateError> {
    let ahead = once.until.as_millis().saturating_sub(at.time.as_millis());
    Ok((0..=Once::MILLIS_MAX).contains(&ahead) && !answered::is_kept(tx, KIND, once.id)?)
}

/// Uses a permission up.
pub(super) fn spend(tx: &mut Transaction<'_>, at: At, once: &Once) -> Result<(), StateError> {
    answered::expire(tx, at.time)?;
    let expires = Timestamp::from_millis(once.until.as_millis().saturating_add(answered::KEPT_MILLIS));
    answered::keep(tx, expires, KIND, once.id, Vec::new());
    Ok(())
}
