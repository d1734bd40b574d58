//! The bounds that several commands keep.

use model::{ANSWER_BYTES_MAX, CompletedRequest, JOB_BYTES_MAX, JobState, Note};

/// Checks how many there are of a thing.
pub(super) fn at_most(what: &str, found: usize, max: usize) -> Result<(), String> {
    if found <= max { Ok(()) } else { Err(format!("{found} {what}; the most is {max}")) }
}

/// Checks what a command says to the reflog.
pub(super) fn note(Note { who, why, .. }: &Note) -> Result<(), String> {
    at_most("bytes in a note", who.len().max(why.len()), Note::TEXT_BYTES_MAX)
}

/// Checks a request that ended, and its answer.
pub(super) fn completed(ended: &CompletedRequest) -> Result<(), String> {
    at_most("bytes in a request", ended.spec.message.len(), JOB_BYTES_MAX)?;
    let answer = if let JobState::Done(answer) = &ended.state { answer.len() } else { 0 };
    at_most("bytes in an answer", answer, ANSWER_BYTES_MAX)
}
