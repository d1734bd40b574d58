//! Branches over REST.

use auth::{Action, Resource, authorize, seen_branches};
use axum::Json;
use axum::extract::State;
use graveler::RefExpr;
use http::StatusCode;
use model::{Branch, BranchName, RequestId, UnstageScope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::paging::{PageQuery, Pagination};
use super::path_params::{ForceQuery, InRepository, OnBranch, flag, text};
use crate::flows;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list_branches, create_branch))
        .routes(routes!(get_branch, delete_branch, reset_branch))
        .routes(routes!(hard_reset_branch))
}

/// A branch or tag, and the commit that it names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ref {
    pub(super) id: String,
    pub(super) commit_id: String,
}

/// A page of branches or tags.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefList {
    pub(super) pagination: Pagination,
    pub(super) results: Vec<Ref>,
}

/// What to make.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BranchCreation {
    #[schema(value_type = String)]
    name: BranchName,
    /// Where it begins: a branch, tag or commit.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = String)]
    source: RefExpr,
    /// Whether lists leave it out unless they are asked for it.
    #[serde(default)]
    #[schema(nullable = false)]
    hidden: Option<bool>,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// Which branches to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BranchesQuery {
    /// Whether hidden ones are listed too.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    show_hidden: bool,
}

/// Which uncommitted changes to drop.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResetCreation {
    r#type: ResetKind,
    /// Of an object, or of all whose paths begin so.
    #[serde(default)]
    path: String,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetKind {
    Object,
    CommonPrefix,
    Reset,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HardResetQuery {
    /// Where the branch shall point: a branch, tag or commit.
    #[serde(rename = "ref", deserialize_with = "text")]
    #[param(value_type = String)]
    reference: RefExpr,
    /// Whether to drop uncommitted changes, which are in the way without it, and to write even if the repository takes no
    /// writes.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    force: bool,
}

/// List branches
#[utoipa::path(get, path = "/repositories/{repository}/branches", operation_id = "listBranches", tag = "branches",
    params(InRepository, PageQuery, BranchesQuery),
    responses((status = 200, body = RefList), (status = "default", body = ErrorBody)))]
async fn list_branches(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Query(query): Query<PageQuery>,
    Query(BranchesQuery { show_hidden }): Query<BranchesQuery>,
) -> Result<Json<RefList>, Failure> {
    authorize(&caller, Action::ListBranches, &Resource::at_each_ref(&repository))?;
    let fits = |branch: &Branch| show_hidden || !branch.hidden;
    let page = seen_branches(rest.graveler.meta(), &caller, &repository, query.into(), fits).await?;
    let pagination = Pagination::before(page.next, page.items.len());
    Ok(Json(RefList { pagination, results: page.items.into_iter().map(Into::into).collect() }))
}

/// Make a branch; the answer is its commit's id
#[utoipa::path(post, path = "/repositories/{repository}/branches", operation_id = "createBranch", tag = "branches",
    params(InRepository), request_body = BranchCreation,
    responses((status = 201, body = String, content_type = "text/html"), (status = "default", body = ErrorBody)))]
async fn create_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(BranchCreation { name, source, hidden, force }): Body<BranchCreation>,
) -> Result<(StatusCode, [(&'static str, &'static str); 1], String), Failure> {
    let request = flows::CreateBranchRequest {
        request: RequestId(rand::random()),
        repository,
        branch: name,
        source,
        hidden: hidden.unwrap_or_default(),
    };
    let made = flows::create_branch(rest.by_force(force).graveler(), &caller, request).await;
    let made = made.map_err(|error| Failure::from(error).of_name("branch already exists"))?;
    Ok((StatusCode::CREATED, [("content-type", "text/html; charset=utf-8")], made.commit.to_string()))
}

/// Get a branch
#[utoipa::path(get, path = "/repositories/{repository}/branches/{branch}", operation_id = "getBranch", tag = "branches",
    params(OnBranch),
    responses((status = 200, body = Ref), (status = "default", body = ErrorBody)))]
async fn get_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
) -> Result<Json<Ref>, Failure> {
    authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, &branch))?;
    Ok(Json(rest.graveler.meta().branch(&repository, &branch).await?.into()))
}

/// Delete a branch and its uncommitted changes
#[utoipa::path(delete, path = "/repositories/{repository}/branches/{branch}", operation_id = "deleteBranch",
    tag = "branches", params(OnBranch, ForceQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ForceQuery { force }): Query<ForceQuery>,
) -> Result<StatusCode, Failure> {
    flows::delete_branch(rest.by_force(Some(force)).graveler(), &caller, &repository, &branch).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Drop uncommitted changes of a branch
#[utoipa::path(put, path = "/repositories/{repository}/branches/{branch}", operation_id = "resetBranch",
    tag = "branches", params(OnBranch), request_body = ResetCreation,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn reset_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Body(ResetCreation { r#type, path, force }): Body<ResetCreation>,
) -> Result<StatusCode, Failure> {
    let scope = match r#type {
        ResetKind::Reset => UnstageScope::All,
        ResetKind::CommonPrefix => UnstageScope::Prefix(path),
        ResetKind::Object => UnstageScope::Path(path.parse().map_err(|why| invalid_field("path", why))?),
    };
    flows::reset_branch(rest.by_force(force).graveler(), &caller, &repository, &branch, scope).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Move a branch to any commit
#[utoipa::path(put, path = "/repositories/{repository}/branches/{branch}/hard_reset",
    operation_id = "hardResetBranch", tag = "experimental", params(OnBranch, HardResetQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn hard_reset_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(HardResetQuery { reference, force }): Query<HardResetQuery>,
) -> Result<StatusCode, Failure> {
    let request =
        flows::HardResetRequest { repository, branch, to: reference, expected: None, discard_uncommitted: force };
    if !force {
        flows::may_hard_reset(&caller, &request)?;
        refuse_dirty(&rest, &request).await?;
    }
    flows::hard_reset(&rest.by_force(Some(force)), &caller, &request).await.map_err(Failure::of_commit)?;
    Ok(StatusCode::NO_CONTENT)
}

/// lakeFS's reset doesn't move a branch under uncommitted changes.
async fn refuse_dirty(rest: &Rest, request: &flows::HardResetRequest) -> Result<(), Failure> {
    let one = graveler::DiffRequest { amount: 1, ..graveler::DiffRequest::default() };
    let page = rest.graveler.diff_uncommitted(&request.repository, &request.branch, &one).await?;
    match page.items.is_empty() {
        true => Ok(()),
        false => Err(model::Refusal::DirtyBranch(request.branch.clone()).into()),
    }
}

impl From<Branch> for Ref {
    fn from(branch: Branch) -> Self {
        Self { id: branch.name.to_string(), commit_id: branch.commit.to_string() }
    }
}
