//! Objects written over REST. Invariant: bodies stream to the object store, whether they come raw or as a form.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use futures::{StreamExt, TryStreamExt};
use graveler::BodyStream;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use model::Require;
use object_http::WriteCondition;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::object_stats::ObjectStats;
use super::objects::ObjectQuery;
use super::path_params::{ForceQuery, OnBranch};
use crate::{Error, flows};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(upload_object, delete_object))
}

/// What the headers of user metadata begin with.
const METADATA_PREFIX: &str = "x-lakefs-meta-";
/// What they begin with for metadata that lakeFS's clients keep for themselves: times of files, targets of symbolic
/// links, permissions.
const INTERNAL_PREFIX: &str = "x-lakefs-internal-";
/// What the names of that metadata begin with where they are stored.
const INTERNAL_NAMES: &str = "::lakefs::";

/// The field of a form that holds an object's bytes.
const CONTENT_FIELD: &str = "content";

/// A form with an object's bytes.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes a form, which is read field by field")]
pub(crate) struct ObjectForm {
    #[schema(value_type = String, format = Binary)]
    content: Vec<u8>,
}

/// Where an object's bytes come from.
struct Content {
    content_type: String,
    size: Option<u64>,
    body: BodyStream,
}

/// Write an object
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/objects", operation_id = "uploadObject",
    tag = "objects", params(OnBranch, ObjectQuery, ForceQuery,
        ("If-None-Match" = Option<String>, Header, description = "* writes only where no object is"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the object to replace")),
    request_body(content(("application/octet-stream"), (ObjectForm = "multipart/form-data"))),
    responses((status = 201, body = ObjectStats), (status = "default", body = ErrorBody)))]
async fn upload_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Query(ForceQuery { force }): Query<ForceQuery>,
    request: Request,
) -> Result<(StatusCode, Json<ObjectStats>), Failure> {
    let require = requirement(request.headers())?;
    let metadata = user_metadata(request.headers())?;
    let Content { content_type, size, body } = content(request).await?;
    let written = flows::PutObjectRequest { repository, branch, path, content_type, metadata, size, require };
    let (repository, path) = (written.repository.clone(), written.path.clone());
    let entry = flows::put_object(rest.by_force(Some(force)).graveler(), &caller, written, body).await?;
    let repository = rest.graveler.meta().repository(&repository).await?;
    Ok((StatusCode::CREATED, Json(ObjectStats::new(&repository, path, entry))))
}

/// Delete an object
#[utoipa::path(delete, path = "/repositories/{repository}/branches/{branch}/objects", operation_id = "deleteObject",
    tag = "objects", params(OnBranch, ObjectQuery, ForceQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Query(ForceQuery { force }): Query<ForceQuery>,
) -> Result<StatusCode, Failure> {
    let queues = rest.by_force(Some(force));
    let kept = flows::delete_objects(queues.graveler(), &caller, &repository, &branch, vec![path.into()]).await?;
    match kept.into_iter().next() {
        None => Ok(StatusCode::NO_CONTENT),
        Some((_, why)) => Err(why.into()),
    }
}

/// The condition of a write.
pub(super) fn requirement(headers: &HeaderMap) -> Result<Option<Require>, Failure> {
    let condition = object_http::of_write(headers).map_err(|why| Failure::invalid(why.to_string()))?;
    Ok(condition.map(|condition| match condition {
        WriteCondition::Absent => Require::Absent,
        WriteCondition::Matches(e_tag) => Require::Present(Some(e_tag).filter(|e_tag| e_tag != "*")),
    }))
}

fn user_metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Failure> {
    let ours = headers.iter().filter_map(|(header, value)| Some((metadata_name(header.as_str())?, value)));
    ours.map(|(name, value)| match std::str::from_utf8(value.as_bytes()) {
        Ok(value) => Ok((name, value.to_owned())),
        Err(_) => Err(invalid_field("metadata", format!("{name} isn't UTF-8"))),
    })
    .collect()
}

/// The name of the metadata that a header carries, if it carries any.
fn metadata_name(header: &str) -> Option<String> {
    match header.strip_prefix(INTERNAL_PREFIX) {
        Some(name) => Some(format!("{INTERNAL_NAMES}{name}")),
        None => header.strip_prefix(METADATA_PREFIX).map(str::to_owned),
    }
}

/// The header that carries metadata of a name; `None` if no header can have it.
pub(super) fn metadata_header(name: &str) -> Option<HeaderName> {
    let header = match name.strip_prefix(INTERNAL_NAMES) {
        Some(name) => format!("{INTERNAL_PREFIX}{name}"),
        None => format!("{METADATA_PREFIX}{name}"),
    };
    header.try_into().ok()
}

/// Finds the bytes of a request: its body, or the field `content` of the form that its body is.
async fn content(request: Request) -> Result<Content, Failure> {
    let (parts, body) = request.into_parts();
    let content_type = text(&parts.headers, CONTENT_TYPE);
    match multer::parse_boundary(&content_type) {
        Ok(boundary) => form(boundary, body).await,
        Err(_) => Ok(Content {
            content_type,
            size: text(&parts.headers, CONTENT_LENGTH).parse().ok(),
            body: body.into_data_stream().map_err(Into::into).boxed(),
        }),
    }
}

async fn form(boundary: String, body: Body) -> Result<Content, Failure> {
    let mut form = multer::Multipart::new(body.into_data_stream(), boundary);
    let unreadable = |error: multer::Error| Failure::invalid(format!("the form can't be read: {error}"));
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some(CONTENT_FIELD) {
            let content_type = field.content_type().map(ToString::to_string).unwrap_or_default();
            return Ok(Content { content_type, size: None, body: field.map_err(Into::into).boxed() });
        }
    }
    Err(Failure::from(Error::from(proto::api::InvalidField::new(CONTENT_FIELD, "the form has no such field"))))
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
