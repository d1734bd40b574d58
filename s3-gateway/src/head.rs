//! The bound on a request's head: its URI and headers.

use http::request::Parts;
use object_http::{HEAD_BYTES_MAX, head_bytes};

use crate::protocol::{ErrorCode, S3Error};

/// Refuses a head that is longer than any of S3's.
pub(crate) fn check_head(parts: &Parts) -> Result<(), S3Error> {
    match head_bytes(&parts.uri, &parts.headers) {
        bytes if bytes > HEAD_BYTES_MAX => Err(ErrorCode::RequestHeaderSectionTooLarge.into()),
        _ => Ok(()),
    }
}
