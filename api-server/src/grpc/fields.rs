//! Reads and writes the fields that many messages share. Invariant: what breaks a rule is told with its field's name.

use auth::PageWanted;
use bytes::Bytes;
use graveler::RefExpr;
use model::{PAGE_MAX, RequestId};
use prost::Message;
use proto::api::{parse, parse_request_id};
use tonic::Status;

use crate::{Error, error_table};

/// How many items a page has if the caller doesn't say.
const PAGE_DEFAULT: usize = 100;

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

/// Reads how many items a page may have.
pub(crate) fn amount(amount: u32) -> usize {
    match usize::try_from(amount).unwrap_or(PAGE_MAX) {
        0 => PAGE_DEFAULT,
        amount => amount.min(PAGE_MAX),
    }
}

/// Reads which page of a list is wanted.
pub(super) fn page(prefix: String, after: String, wanted: u32) -> PageWanted {
    PageWanted { prefix, after, amount: amount(wanted) }
}

/// Reads a delimiter; an empty one is none.
pub(super) fn delimiter(delimiter: String) -> Option<String> {
    Some(delimiter).filter(|delimiter| !delimiter.is_empty())
}

/// What to go on behind, if there is more.
pub(crate) fn next_after<T>(more: bool, items: &[T], name: impl Fn(&T) -> String) -> String {
    items.last().filter(|_| more).map(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_default_and_a_bound() {
        assert_eq!((amount(0), amount(7), amount(u32::MAX)), (100, 7, 1000));
    }

    #[test]
    fn there_is_a_next_page_only_behind_a_full_one() {
        assert_eq!(next_after(true, &["a", "b"], ToString::to_string), "b");
        assert_eq!(next_after(false, &["a", "b"], ToString::to_string), "");
    }
}
