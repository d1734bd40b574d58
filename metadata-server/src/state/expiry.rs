//! What becomes of times in records at which something is over, when no clock that is right can have written them. Owns
//! the rule; each kind of record owns its queue, in the order of those times.
//!
//! A clock that ran ahead writes times that don't come for years. Whatever lies further ahead than such a record lasts is
//! put off to the time at which one that is written now would be over. If it still lies too far ahead then, it is over.
//! If it doesn't, the clock that put it off was behind, and the record gets its place back. Invariant: a clock that was
//! behind for a while shortens no record's life, and one that ran ahead lengthens it to its double at most.

use model::{CLOCK_TOLERANCE_MS, Timestamp};

/// How long it is remembered what something came to, for a client that lost the answer and asks again: the answer of a
/// command, a completed upload, a job that ended.
pub(crate) const KEPT_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Times after this one are too far ahead for what lasts so long.
pub(crate) fn far(now: Timestamp, lasting_ms: u64) -> Timestamp {
    now.plus_millis(lasting_ms.saturating_add(CLOCK_TOLERANCE_MS))
}

/// Returns whether something is over whose turn in its queue has come.
pub(crate) fn is_over(expires: Timestamp, now: Timestamp, lasting_ms: u64) -> bool {
    expires <= now || expires.is_too_far(now, lasting_ms)
}
