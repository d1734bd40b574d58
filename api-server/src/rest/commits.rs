//! Commits and logs over REST.

use std::collections::BTreeMap;

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use graveler::{LogCursor, LogRequest};
use http::StatusCode;
use model::{Commit, CommitId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure};
use super::paging::{Amount, Pagination};
use super::places::{AtRef, OfCommit, OnBranch, flag, optional_cursor};
use crate::flows;
use crate::lines::Errand;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(commit)).routes(routes!(get_commit)).routes(routes!(log_commits))
}

/// A commit as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Commit)]
pub(crate) struct CommitBody {
    pub(super) id: String,
    parents: Vec<String>,
    committer: String,
    message: String,
    /// Seconds since 1970.
    creation_date: i64,
    /// The root of its tree; empty for the empty tree.
    meta_range_id: String,
    metadata: BTreeMap<String, String>,
    generation: u64,
    /// Of the commit's record: 1.
    version: u32,
}

/// A page of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommitList {
    pagination: Pagination,
    results: Vec<CommitBody>,
}

/// What the commit shall say.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CommitCreation {
    message: String,
    #[serde(default)]
    #[schema(nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
    /// When it was made, in seconds since 1970, if not now.
    #[serde(default)]
    date: Option<i64>,
    /// Whether a commit that changes nothing is one.
    #[serde(default)]
    allow_empty: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommitQuery {
    /// Commits of trees that were built elsewhere aren't supported.
    source_metarange: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Commits behind this one.
    #[serde(default, deserialize_with = "optional_cursor")]
    #[param(value_type = Option<String>)]
    after: Option<LogCursor>,
    /// How many; as many as a page may have if it isn't positive.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = -1, maximum = 1000)]
    amount: Amount,
    /// Only first parents: what happened on the branch itself.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    first_parent: bool,
}

/// Commit what is staged on a branch
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/commits", operation_id = "commit",
    tag = "commits", params(OnBranch, CommitQuery), request_body = CommitCreation,
    responses((status = 201, body = CommitBody), (status = "default", body = ErrorBody)))]
async fn commit(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<OnBranch>,
    Query(query): Query<CommitQuery>,
    Body(body): Body<CommitCreation>,
) -> Result<(StatusCode, Json<CommitBody>), Failure> {
    if query.source_metarange.is_some_and(|metarange| !metarange.is_empty()) {
        let why = "commits of a given metarange aren't supported: import the objects instead";
        return Err(Failure::new(StatusCode::NOT_IMPLEMENTED, why));
    }
    let committed = flows::commit(&rest.lines, &caller, &commit_request(place, body), &Errand::default()).await?;
    Ok((StatusCode::CREATED, Json(CommitBody::new(&committed.id, &committed.commit))))
}

/// Get a commit
#[utoipa::path(get, path = "/repositories/{repository}/commits/{commitId}", operation_id = "getCommit",
    tag = "commits", params(OfCommit),
    responses((status = 200, body = CommitBody), (status = "default", body = ErrorBody)))]
async fn get_commit(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfCommit { repository, commit }): Path<OfCommit>,
) -> Result<Json<CommitBody>, Failure> {
    authorize(&caller, Action::ReadCommit, &Resource::Repository(repository.clone()))?;
    let found = rest.graveler.resolve(&repository, &commit).await?;
    let commit = rest.graveler.commit_object(&found.repository, &found.commit).await?;
    Ok(Json(CommitBody::new(&found.commit, &commit)))
}

/// List the commits that a ref reaches, newest first
#[utoipa::path(get, path = "/repositories/{repository}/refs/{ref}/commits", operation_id = "logCommits",
    tag = "refs", params(AtRef, LogQuery),
    responses((status = 200, body = CommitList), (status = "default", body = ErrorBody)))]
async fn log_commits(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(AtRef { repository, reference }): Path<AtRef>,
    Query(LogQuery { after, amount, first_parent }): Query<LogQuery>,
) -> Result<Json<CommitList>, Failure> {
    authorize(&caller, Action::ReadBranch, &Resource::Branch(repository.clone(), reference.base().clone()))?;
    let request = LogRequest { after, amount: amount.0, first_parent, ..LogRequest::default() };
    let page = rest.graveler.log(&repository, &reference, &request).await?;
    let pagination = Pagination::before(page.next.map(|next| next.to_string()), page.commits.len());
    let results = page.commits.iter().map(|(id, commit)| CommitBody::new(id, commit)).collect();
    Ok(Json(CommitList { pagination, results }))
}

pub(super) fn commit_request(
    OnBranch { repository, branch }: OnBranch,
    CommitCreation { message, metadata, date, allow_empty }: CommitCreation,
) -> flows::CommitRequest {
    flows::CommitRequest {
        repository,
        branch,
        message,
        metadata: metadata.unwrap_or_default(),
        allow_empty: allow_empty.unwrap_or_default(),
        created_at: date.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000))),
    }
}

impl CommitBody {
    pub(super) fn new(id: &CommitId, commit: &Commit) -> Self {
        Self {
            id: id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            committer: commit.committer.clone(),
            message: commit.message.clone(),
            creation_date: super::seconds(commit.created_at),
            meta_range_id: commit.metarange.as_ref().map(ToString::to_string).unwrap_or_default(),
            metadata: commit.metadata.clone(),
            generation: commit.generation,
            version: 1,
        }
    }
}
