//! Conversions between `model` and package `lakebed.metadata.v1`, and the bytes that the metadata service's log and
//! database hold. Owns the schema version of the log; leaves bounds on sizes to the service. Invariant: what decodes
//! is valid by `model`'s rules, and every value of `model` comes back from its encoding as it was.

mod answer;
mod command;
pub mod held;
mod jobs;
mod nouns;
mod outcome;
mod query;
mod settings;
pub mod status;

use std::fmt::Display;

use model::{Command, CommitId, CompletionDigest, InstallationId, Outcome, RequestId, SessionId, StoreId, Timestamp};
use prost::Message;
use thiserror::Error;

use crate::generated::metadata as pb;

/// The newest schema of commands that this build writes and reads.
pub const SCHEMA: u32 = 1;

/// A value of `model` that has a message.
pub trait Wire: Sized {
    /// Its message.
    type Message: Message + Default;

    /// Makes the message.
    fn to_message(&self) -> Self::Message;

    /// Reads a message.
    ///
    /// # Errors
    /// [`DecodeError`] when a field is missing or breaks a rule.
    fn from_message(message: Self::Message) -> Result<Self, DecodeError>;
}

/// Encodes a value; equal values have equal bytes.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    value.to_message().encode_to_vec()
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`DecodeError`] when the bytes are no such value.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::from_message(T::Message::decode(bytes)?)
}

/// A command with the time at which the leader took it: what one log entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// The leader's clock.
    pub time: Timestamp,
    /// What to do.
    pub command: Command,
}

/// Encodes a command for the log, with its schema version.
pub fn encode_command(stamped: &Stamped) -> Vec<u8> {
    encode(stamped)
}

/// Reads a command of the log.
///
/// # Errors
/// [`DecodeError`] when the bytes are no command, or one of a newer schema.
pub fn decode_command(bytes: &[u8]) -> Result<Stamped, DecodeError> {
    decode(bytes)
}

/// Encodes an outcome.
pub fn encode_outcome(outcome: &Outcome) -> Vec<u8> {
    encode(outcome)
}

/// Reads an outcome.
///
/// # Errors
/// [`DecodeError`] when the bytes are no outcome.
pub fn decode_outcome(bytes: &[u8]) -> Result<Outcome, DecodeError> {
    decode(bytes)
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

impl Wire for Stamped {
    type Message = pb::StampedCommand;

    fn to_message(&self) -> pb::StampedCommand {
        pb::StampedCommand { schema: SCHEMA, time_ms: self.time.as_millis(), command: Some(self.command.to_message()) }
    }

    fn from_message(message: pb::StampedCommand) -> Result<Self, DecodeError> {
        if message.schema > SCHEMA {
            return Err(DecodeError::NewerSchema { found: message.schema });
        }
        Ok(Self { time: Timestamp::from_millis(message.time_ms), command: needed("command", message.command)? })
    }
}

/// Takes a part that a message must have.
fn needed<T: Wire>(field: &'static str, part: Option<T::Message>) -> Result<T, DecodeError> {
    T::from_message(part.ok_or(DecodeError::Missing(field))?)
}

/// Takes a part that a message may have.
fn optional<T: Wire>(part: Option<T::Message>) -> Result<Option<T>, DecodeError> {
    part.map(T::from_message).transpose()
}

/// Makes a name or path, by its rule.
fn name<T>(field: &'static str, text: String) -> Result<T, DecodeError>
where
    T: TryFrom<String, Error: Display>,
{
    T::try_from(text).map_err(|error| invalid(field, error))
}

fn commit(field: &'static str, bytes: &[u8]) -> Result<CommitId, DecodeError> {
    CommitId::from_slice(bytes).map_err(|error| invalid(field, error))
}

/// No bytes for a digest that isn't known.
fn digest_bytes(digest: Option<&CompletionDigest>) -> Vec<u8> {
    digest.map_or_else(Vec::new, |digest| digest.as_bytes().to_vec())
}

fn digest(field: &'static str, bytes: &[u8]) -> Result<Option<CompletionDigest>, DecodeError> {
    match bytes {
        [] => Ok(None),
        bytes => CompletionDigest::from_slice(bytes).map(Some).map_err(|error| invalid(field, error)),
    }
}

fn request(bytes: &[u8]) -> Result<RequestId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| invalid("request", "expected 16 bytes"))?;
    Ok(RequestId(u128::from_be_bytes(bytes)))
}

fn request_bytes(id: RequestId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

fn session(bytes: &[u8]) -> Result<SessionId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| invalid("session", "expected 16 bytes"))?;
    Ok(SessionId(u128::from_be_bytes(bytes)))
}

fn session_bytes(id: SessionId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

fn installation(bytes: &[u8]) -> Result<InstallationId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| invalid("installation", "expected 16 bytes"))?;
    Ok(InstallationId(u128::from_be_bytes(bytes)))
}

fn store(bytes: &[u8]) -> Result<StoreId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| invalid("store", "expected 16 bytes"))?;
    Ok(StoreId(u128::from_be_bytes(bytes)))
}

fn store_bytes(id: StoreId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

fn invalid(field: &'static str, why: impl Display) -> DecodeError {
    DecodeError::Invalid { field, why: why.to_string() }
}

#[cfg(test)]
mod tests;
