//! Conversions between `model` and package `lakebed.api.v1`, the public gRPC API. Owns the words by which errors are
//! told apart on the wire ([`Reason`]), the rules of reading fields, and how a call is signed ([`CallHead`]); leaves what
//! a call does to `api-server` and how it feels to `lakebed-sdk`.

mod nouns;
mod reason;
mod signed_call;

use std::fmt::Display;
use std::str::FromStr;

use bytes::Bytes;
use model::{RequestId, Timestamp};
use thiserror::Error;

pub use nouns::{commit_from_wire, commit_to_wire, object_to_wire};
pub use reason::{REASON_KEY, Reason};
pub use signed_call::{
    CallHead, CallSignature, DATE_HEADER, SESSION_TOKEN_HEADER, SKEW_MS_MAX, call_date, is_signed_call, parse_call_date,
};

/// A field of a message that can't be taken; says which and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {why}")]
pub struct InvalidField {
    /// The field's name in the `.proto` file.
    pub field: &'static str,
    /// The rule that it breaks.
    pub why: String,
}

impl InvalidField {
    /// Says why a field can't be taken.
    pub fn new(field: &'static str, why: impl Display) -> Self {
        Self { field, why: why.to_string() }
    }
}

/// Reads a field that holds the text of one of `model`'s types.
pub fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, InvalidField> {
    text.parse().map_err(|why| InvalidField::new(field, why))
}

/// Reads a field that may be empty, which stands for nothing.
pub fn parse_optional<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<Option<T>, InvalidField> {
    if text.is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

/// Reads a request id: 16 bytes, or none of them.
pub fn parse_request_id(bytes: &[u8]) -> Result<Option<RequestId>, InvalidField> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let bytes = bytes.try_into().map_err(|_| InvalidField::new("request_id", "must have 16 bytes, or none"))?;
    Ok(Some(RequestId(u128::from_be_bytes(bytes))))
}

/// A request id's bytes.
pub fn request_id_to_wire(id: RequestId) -> Bytes {
    Bytes::copy_from_slice(&id.0.to_be_bytes())
}

/// A moment as protobuf writes it.
pub fn time_to_wire(time: Timestamp) -> prost_types::Timestamp {
    let millis = time.as_millis();
    let nanos = i32::try_from(millis.rem_euclid(1000) * 1_000_000).expect("less than a second of nanoseconds fits");
    prost_types::Timestamp { seconds: millis.div_euclid(1000), nanos }
}

/// Reads a moment that is written as RFC 3339 has it.
pub fn time_from_text(text: &str) -> Result<Timestamp, InvalidField> {
    let time = prost_types::Timestamp::from_str(text).map_err(|_| {
        InvalidField::new(
            "time",
            format!("{:?} isn't like 2026-01-31T12:00:00Z", text.chars().take(40).collect::<String>()),
        )
    })?;
    Ok(time_from_wire(Some(time)))
}

/// Reads a moment, to the millisecond; an unset one is the epoch.
pub fn time_from_wire(time: Option<prost_types::Timestamp>) -> Timestamp {
    let time = time.unwrap_or_default();
    let millis =
        time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos.clamp(0, 999_999_999)) / 1_000_000);
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests;
