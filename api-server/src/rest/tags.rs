//! Tags over REST.

use auth::{Action, Resource, authorize, seen_tags};
use axum::Json;
use axum::extract::State;
use graveler::RefExpr;
use http::StatusCode;
use model::{RequestId, Tag, TagName};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::branches::{Ref, RefList};
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure};
use super::paging::{PageQuery, Pagination};
use super::path_params::{ForceQuery, InRepository, OfTag, text};
use crate::flows;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list_tags, create_tag)).routes(routes!(get_tag, delete_tag))
}

/// What to name, and how.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TagCreation {
    /// The tag's name.
    #[schema(value_type = String)]
    id: TagName,
    /// A branch, tag or commit.
    #[serde(rename = "ref", deserialize_with = "text")]
    #[schema(value_type = String)]
    reference: RefExpr,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// List tags
#[utoipa::path(get, path = "/repositories/{repository}/tags", operation_id = "listTags", tag = "tags",
    params(InRepository, PageQuery),
    responses((status = 200, body = RefList), (status = "default", body = ErrorBody)))]
async fn list_tags(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Query(query): Query<PageQuery>,
) -> Result<Json<RefList>, Failure> {
    authorize(&caller, Action::ListTags, &Resource::at_each_ref(&repository))?;
    let page = seen_tags(rest.graveler.meta(), &caller, &repository, query.into()).await?;
    let pagination = Pagination::before(page.next, page.items.len());
    Ok(Json(RefList { pagination, results: page.items.into_iter().map(Into::into).collect() }))
}

/// Name a commit
#[utoipa::path(post, path = "/repositories/{repository}/tags", operation_id = "createTag", tag = "tags",
    params(InRepository), request_body = TagCreation,
    responses((status = 201, body = Ref), (status = "default", body = ErrorBody)))]
async fn create_tag(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(TagCreation { id, reference, force }): Body<TagCreation>,
) -> Result<(StatusCode, Json<Ref>), Failure> {
    let request = RequestId(rand::random());
    let queues = rest.by_force(force);
    let made = flows::create_tag(queues.graveler(), &caller, request, &repository, &id, &reference).await;
    let made = made.map_err(|error| Failure::from(error).of_name("tag already exists"))?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Get a tag
#[utoipa::path(get, path = "/repositories/{repository}/tags/{tag}", operation_id = "getTag", tag = "tags",
    params(OfTag),
    responses((status = 200, body = Ref), (status = "default", body = ErrorBody)))]
async fn get_tag(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfTag { repository, tag }): Path<OfTag>,
) -> Result<Json<Ref>, Failure> {
    authorize(&caller, Action::ReadTag, &Resource::Tag(repository.clone(), tag.clone()))?;
    let found = rest.graveler.meta().lookup(&repository, &(&tag).into(), None).await?;
    Ok(Json(found.target.into_tag(&tag)?.into()))
}

/// Delete a tag
#[utoipa::path(delete, path = "/repositories/{repository}/tags/{tag}", operation_id = "deleteTag", tag = "tags",
    params(OfTag, ForceQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_tag(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfTag { repository, tag }): Path<OfTag>,
    Query(ForceQuery { force }): Query<ForceQuery>,
) -> Result<StatusCode, Failure> {
    flows::delete_tag(rest.by_force(Some(force)).graveler(), &caller, &repository, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Tag> for Ref {
    fn from(tag: Tag) -> Self {
        Self { id: tag.name.to_string(), commit_id: tag.commit.to_string() }
    }
}
