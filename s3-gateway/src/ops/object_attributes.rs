//! GetObjectAttributes, GetObjectAcl, GetObjectLegalHold and GetObjectRetention. Invariant: what is said of an object is what its GET says.

use axum::body::Body;
use http::Response;
use http::header::LAST_MODIFIED;
use model::{Entry, PartSizes};

use super::get_object::{find, no_such_key};
use crate::call::{self, Call};
use crate::checksum_model::shown;
use crate::error_table::Failure;
use crate::object_headers::storage_class;
use crate::protocol::S3Error;
use crate::protocol::attributes::WantedAttributes;
use crate::protocol::xml::write_properties::{self, ObjectAttributes, PartsPage};

/// `GET /bucket/key?attributes`.
pub(crate) async fn attributes(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    wanted: &WantedAttributes,
) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    let found = find(call, &name, key).await?.ok_or_else(|| no_such_key(key))?;
    call.graveler.check_imported(&found.repository, &found.entry).await?;
    let Entry { e_tag, checksum, headers, size, parts, .. } = &found.entry;
    let mut answer = call::xml(write_properties::object_attributes(&ObjectAttributes {
        e_tag: wanted.e_tag.then(|| e_tag.clone()),
        checksum: checksum.as_ref().filter(|_| wanted.checksum).map(shown),
        parts: parts.as_ref().filter(|_| wanted.parts).map(|parts| page(parts, wanted)),
        storage_class: wanted.storage_class.then(|| storage_class(headers)),
        size: wanted.size.then_some(*size),
    }));
    let last_modified = object_http::http_date(found.entry.last_modified.to_datetime());
    object_http::insert(answer.headers_mut(), LAST_MODIFIED, &last_modified);
    Ok(answer)
}

/// The parts after the marker, as many as are wanted.
fn page(parts: &PartSizes, wanted: &WantedAttributes) -> PartsPage {
    let (count, marker) = (parts.count(), wanted.part_number_marker);
    let last = count.min(marker.saturating_add(wanted.max_parts));
    let size = |number: u32| parts.range(number).map(|range| (number, range.end - range.start));
    PartsPage {
        count,
        part_number_marker: marker,
        next_part_number_marker: last.max(marker),
        max_parts: wanted.max_parts,
        is_truncated: last < count,
        parts: (marker.saturating_add(1)..=last).filter_map(size).collect(),
    }
}

/// `GET /bucket/key?acl`: it belongs to its owner alone.
pub(crate) async fn acl(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    find(call, &name, key).await?.ok_or_else(|| no_such_key(key))?;
    Ok(call::xml(write_properties::access_control(&call.owner())))
}

/// `GET /bucket/key?retention` and `?legal-hold`: what S3 says of an object in a bucket without locks.
pub(crate) async fn lock(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    find(call, &name, key).await?.ok_or_else(|| no_such_key(key))?;
    Err(S3Error::invalid_request("Bucket is missing Object Lock Configuration").into())
}
