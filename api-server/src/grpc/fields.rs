//! Reads and writes the fields that many messages share. Invariant: what breaks a rule is told with its field's name.

use bytes::Bytes;
use graveler::RefExpr;
use model::RequestId;
use prost::Message;
use proto::api::{parse, parse_request_id};
use tonic::Status;

pub(super) use crate::pages::{amount, next_after, page};
use crate::{Error, error_table};

/// Reads a name, path or id.
pub(super) fn text<T>(field: &'static str, text: &str) -> Result<T, Status>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    parse(field, text).map_err(|error| Error::from(error).into())
}

/// Reads a ref expression.
pub(super) fn reference(field: &'static str, expr: &str) -> Result<RefExpr, Status> {
    text(field, expr)
}

/// Reads a request id, or draws one: then a retry won't find this request's work.
pub(super) fn request_id(bytes: &[u8]) -> Result<RequestId, Status> {
    let given = parse_request_id(bytes).map_err(|error| Status::from(Error::from(error)))?;
    Ok(given.unwrap_or_else(|| RequestId(rand::random())))
}

/// Takes a request id out of a message, so that what is left says only what is asked for.
pub(super) fn take_request_id(bytes: &mut Bytes) -> Result<Option<RequestId>, Status> {
    parse_request_id(&std::mem::take(bytes)).map_err(|error| Error::from(error).into())
}

/// Reads an answer that was encoded to be remembered.
pub(super) fn decoded<T: Message + Default>(answer: &[u8]) -> Result<T, Status> {
    T::decode(answer).map_err(|error| error_table::internal(&format!("a remembered answer: {error}")).into())
}

/// Reads a delimiter; an empty one is none.
pub(super) fn delimiter(delimiter: String) -> Option<String> {
    Some(delimiter).filter(|delimiter| !delimiter.is_empty())
}
