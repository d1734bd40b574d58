//! What S3 says of a bucket that nobody set anything for, since nothing can be set here. Leaves the table to `protocol`.
//! Invariant: only who may see the repository learns that it is there.

use axum::body::Body;
use http::Response;

use super::buckets::find;
use crate::call::{self, Call};
use crate::error_table::Failure;
use crate::protocol::ErrorCode;
use crate::protocol::bucket_settings::Unset;
use crate::protocol::xml::write_properties;

/// `GET /bucket?policy`, `GET /bucket?versioning`, …
pub(crate) async fn unset(call: &Call<'_>, bucket: &str, unset: Unset) -> Result<Response<Body>, Failure> {
    find(call, bucket).await?;
    Ok(call::xml(write_properties::unset(unset)?))
}

/// `GET /bucket?acl`: everything belongs to its owner. Policies say who else may, and S3 has no word for that here.
pub(crate) async fn acl(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    find(call, bucket).await?;
    Ok(call::xml(write_properties::access_control(&call.owner())))
}

/// `GET /bucket?encryption`: what the object store does by itself.
pub(crate) async fn encryption(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    find(call, bucket).await?;
    match call.graveler.stores().encrypts() {
        true => Ok(call::xml(write_properties::encryption())),
        false => Err(ErrorCode::ServerSideEncryptionConfigurationNotFoundError.into()),
    }
}
