//! Conversions between `model` and package `lakebed.metadata.v1`, and the bytes that the metadata service's log and
//! database hold. Owns the schema version of the log.

use model::{Command, Outcome, Timestamp};
use thiserror::Error;

/// The newest schema of commands that this build writes and reads.
pub const SCHEMA: u32 = 1;

/// A command with the time at which the leader took it: what one log entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// The leader's clock.
    pub time: Timestamp,
    /// What to do.
    pub command: Command,
}

/// Why bytes or a message can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not protobuf, or cut off.
    #[error("malformed message: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field that must be there isn't.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field's value breaks a rule of `model`.
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// The rule that it breaks.
        why: String,
    },
    /// Newer software wrote it.
    #[error("schema {found} is newer than {SCHEMA}, the newest that this version of Lakebed reads: update it")]
    NewerSchema {
        /// What it says.
        found: u32,
    },
}

/// Encodes a command for the log.
pub fn encode_command(_stamped: &Stamped) -> Vec<u8> {
    Vec::new()
}

/// Reads a command of the log.
///
/// # Errors
/// [`DecodeError`] when the bytes are no command, or one of a newer schema.
pub fn decode_command(_bytes: &[u8]) -> Result<Stamped, DecodeError> {
    Err(DecodeError::Missing("command"))
}

/// Encodes an outcome.
pub fn encode_outcome(_outcome: &Outcome) -> Vec<u8> {
    Vec::new()
}

/// Reads an outcome.
///
/// # Errors
/// [`DecodeError`] when the bytes are no outcome.
pub fn decode_outcome(_bytes: &[u8]) -> Result<Outcome, DecodeError> {
    Err(DecodeError::Missing("outcome"))
}
