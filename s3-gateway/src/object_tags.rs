//! Tags between requests and `model`. Owns which of S3's errors says what is wrong with them. Invariant: what is wrong is
//! refused before a byte of the object is read.

use http::HeaderMap;
use model::{Entry, InvalidTags, ObjectTags};

use crate::error_table::Failure;
use crate::protocol::{ErrorCode, S3Error, headers};

const HEADER: &str = "x-amz-tagging";
/// What the header is of, where a form was sent.
const FORM_FIELD: &str = "tagging";

/// The tags that a write gives its object; none without the header.
pub(crate) fn of_write(request: &HeaderMap) -> Result<ObjectTags, S3Error> {
    let text = headers::single(request, HEADER)?.unwrap_or_default();
    ObjectTags::parse(text).map_err(|why| match why {
        InvalidTags::Repeated(_) | InvalidTags::Unreadable => {
            S3Error::invalid_argument(HEADER, text, format!("The header {HEADER}: {why}"))
        }
        InvalidTags::TooMany | InvalidTags::Key(_) | InvalidTags::Value(_) | InvalidTags::System(_) => refused(&why),
    })
}

/// Refuses the tags of a form as those of the document that its field holds, and names the field.
pub(crate) fn check_form(request: &HeaderMap) -> Result<(), S3Error> {
    let text = headers::single(request, HEADER)?.unwrap_or_default();
    let refused = |why: InvalidTags| S3Error::new(code(&why), format!("The field {FORM_FIELD} of the form: {why}"));
    ObjectTags::parse(text).map(drop).map_err(refused)
}

/// The tags that a document gives an object.
pub(crate) fn of_document(tags: Vec<(String, String)>) -> Result<ObjectTags, S3Error> {
    ObjectTags::new(tags).map_err(|why| refused(&why))
}

/// The tags that an object has.
pub(crate) fn of_entry(entry: &Entry) -> Result<ObjectTags, Failure> {
    entry.tags().map_err(|why| {
        let file = entry.address.as_str().to_owned();
        graveler::Error::Corrupt { file, why: format!("its tags can't be read: {why}") }.into()
    })
}

fn refused(why: &InvalidTags) -> S3Error {
    S3Error::new(code(why), why.to_string())
}

fn code(why: &InvalidTags) -> ErrorCode {
    match why {
        InvalidTags::TooMany => ErrorCode::BadRequest,
        _ => ErrorCode::InvalidTag,
    }
}
