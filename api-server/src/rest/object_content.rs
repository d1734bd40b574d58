//! Objects' bytes over REST. Owns the walk from request to answered bytes; leaves judging conditions and ranges to
//! `object-http`. Invariant: what HEAD says is what GET says, without the bytes.

use std::ops::Range;

use auth::{Action, Resource, authorize};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use graveler::{Content, Found};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use model::Entry;
use object_http::{Representation, Verdict};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Path, Query};
use super::failure::{ErrorBody, Failure};
use super::objects::ObjectQuery;
use super::path_params::AtRef;
use super::staging::PresignQuery;
use super::upload::metadata_header;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_object, head_object))
}

/// What is to be answered of an object.
struct Chosen {
    found: Found,
    /// The bytes; the whole object unless `partial`.
    range: Range<u64>,
    partial: bool,
}

/// Read an object
#[utoipa::path(get, path = "/repositories/{repository}/refs/{ref}/objects", operation_id = "getObject",
    tag = "objects", params(AtRef, ObjectQuery, PresignQuery,
        ("Range" = Option<String>, Header, description = "Bytes to read, such as bytes=0-99"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of what the client has")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 302, description = "A pre-signed URL, if that was asked for and the object lies where one can be made"),
        (status = 304, description = "The client has it"),
        (status = "default", body = ErrorBody)))]
async fn get_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<AtRef>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Query(PresignQuery { presign }): Query<PresignQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    authorize(&caller, Action::ReadObject, &Resource::object_of(&place.repository, place.reference.base(), &path))?;
    let found = rest.find(&place.repository, &place.reference, &path).await?;
    if presign && let Some(url) = rest.signed(&found.repository, &found.entry).await? {
        return Ok((StatusCode::FOUND, [(header::LOCATION, url)]).into_response());
    }
    let chosen = match choose(found, &headers)? {
        Ok(chosen) => chosen,
        Err(answered) => return Ok(answered),
    };
    let Found { repository, entry } = &chosen.found;
    let body = match rest.graveler.content(repository, entry, chosen.range.clone()).await? {
        Content::Whole(bytes) => Body::from(bytes),
        Content::Stream(stream) => {
            let address = entry.address.as_str().to_owned();
            Body::from_stream(
                stream.inspect_err(move |error| tracing::error!(%error, address, "an answer was cut off")),
            )
        }
    };
    Ok(answer(&chosen, body))
}

/// Get an object's headers
#[utoipa::path(head, path = "/repositories/{repository}/refs/{ref}/objects", operation_id = "headObject",
    tag = "objects", params(AtRef, ObjectQuery,
        ("Range" = Option<String>, Header, description = "Bytes to read, such as bytes=0-99")),
    responses((status = 200), (status = 206), (status = 304), (status = "default", description = "As of a GET, without a body")))]
async fn head_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<AtRef>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    authorize(&caller, Action::ReadObject, &Resource::object_of(&place.repository, place.reference.base(), &path))?;
    let found = rest.find(&place.repository, &place.reference, &path).await?;
    Ok(choose(found, &headers)?.map_or_else(|answered| answered, |chosen| answer(&chosen, Body::empty())))
}

/// Judges the request's conditions and range. The error inside is the answer 304.
fn choose(found: Found, headers: &HeaderMap) -> Result<Result<Chosen, Response>, Failure> {
    let entry = &found.entry;
    let last_modified = entry.last_modified.to_datetime();
    match object_http::judge_read(headers, &entry.e_tag, last_modified) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(Err(not_modified(entry))),
        Verdict::Failed => {
            return Err(Failure::new(StatusCode::PRECONDITION_FAILED, "the object isn't as the condition asks"));
        }
    }
    let range = object_http::requested(headers, entry.size, &entry.e_tag, last_modified);
    let range = range.map_err(|range| Failure::unsatisfiable(&range))?;
    let partial = range.is_some();
    let range = range.unwrap_or(0..entry.size);
    Ok(Ok(Chosen { found, range, partial }))
}

fn answer(chosen: &Chosen, body: Body) -> Response {
    let mut answer = Response::new(body);
    let entry = &chosen.found.entry;
    if chosen.partial {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = answer.headers_mut();
    representation(entry).describe(headers);
    for (name, value) in &entry.metadata {
        if let Some(header) = metadata_header(name) {
            object_http::insert(headers, header, value);
        }
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(chosen.range.end - chosen.range.start));
    if chosen.partial {
        object_http::insert(headers, header::CONTENT_RANGE, &object_http::content_range(&chosen.range, entry.size));
    }
    answer
}

fn not_modified(entry: &Entry) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    representation(entry).validators(answer.headers_mut());
    answer
}

fn representation(entry: &Entry) -> Representation<'_> {
    let Entry { e_tag, content_type, headers, .. } = entry;
    Representation { e_tag, last_modified: entry.last_modified.to_datetime(), content_type, headers }
}
