//! Commits and logs over REST.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use axum::Json;
use axum::extract::State;
use graveler::{LogCursor, LogRequest, RefExpr};
use http::StatusCode;
use model::{Commit, CommitId, JobKind, RepositoryName, Timestamp};
use proto::api::{commit_to_wire, time_to_wire};
use proto::generated::api as wire;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::paging::{Amount, Pagination};
use super::path_params::{AtRef, OfBranchTask, OfCommit, OnBranch, flag, optional_text, optional_time};
use super::tasks::{AsyncTaskStatus, TaskCreation};
use crate::error_table::internal;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(commit))
        .routes(routes!(commit_async))
        .routes(routes!(commit_async_status))
        .routes(routes!(get_commit))
        .routes(routes!(log_commits))
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
    pub(super) message: String,
    #[serde(default)]
    #[schema(nullable = false)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
    /// When it was made, in seconds since 1970, if not now.
    #[serde(default)]
    pub(super) date: Option<i64>,
    /// Whether a commit that changes nothing is one.
    #[serde(default)]
    allow_empty: Option<bool>,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// How far a commit is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommitAsyncStatus {
    #[serde(flatten)]
    status: AsyncTaskStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    result: Option<CommitBody>,
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
    /// Where the page before ended, as its `next_offset` says; or a ref: commits that come after its commit.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    after: String,
    /// How many; as many as a page may have if it isn't positive.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = -1, maximum = 1000)]
    amount: Amount,
    /// Only first parents: what happened on the branch itself.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    first_parent: bool,
    /// Only commits that changed one of these objects, or something under a prefix.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    objects: Vec<String>,
    /// See `objects`.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    prefixes: Vec<String>,
    /// Only commits that aren't older.
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Timestamp>,
    /// The last commit of the log, if the log comes to it.
    #[serde(default, deserialize_with = "optional_text")]
    #[param(value_type = Option<String>)]
    stop_at: Option<RefExpr>,
    /// Whether this page is all that is wanted, so that nothing is said of a next one.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    limit: bool,
}

impl LogQuery {
    fn request(self, after: Option<LogCursor>) -> LogRequest {
        let Self { after: _, amount, first_parent, objects, prefixes, since, stop_at, limit } = self;
        LogRequest { after, amount: amount.0, first_parent, objects, prefixes, since, stop_at, limit }
    }
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
    refuse_metarange(query)?;
    let request = commit_request(&place, body);
    let answer = rest.run(&caller, &place.repository, JobKind::Commit, &request).await?;
    Ok((StatusCode::CREATED, Json(committed(answer)?)))
}

/// Begin to commit what is staged on a branch
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/commits/async", operation_id = "commitAsync",
    tag = "experimental", params(OnBranch, CommitQuery), request_body = CommitCreation,
    responses((status = 202, body = TaskCreation), (status = "default", body = ErrorBody)))]
async fn commit_async(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<OnBranch>,
    Query(query): Query<CommitQuery>,
    Body(body): Body<CommitCreation>,
) -> Result<(StatusCode, Json<TaskCreation>), Failure> {
    refuse_metarange(query)?;
    rest.begin(&caller, &place.repository, JobKind::Commit, &commit_request(&place, body)).await
}

/// Ask how far a commit is that was begun
#[utoipa::path(get, path = "/repositories/{repository}/branches/{branch}/commits/async/{id}/status",
    operation_id = "commitAsyncStatus", tag = "experimental", params(OfBranchTask),
    responses((status = 200, body = CommitAsyncStatus), (status = "default", body = ErrorBody)))]
async fn commit_async_status(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfBranchTask { repository, branch, id }): Path<OfBranchTask>,
) -> Result<Json<CommitAsyncStatus>, Failure> {
    authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, &branch))?;
    let fits = |request: &wire::CreateCommitRequest| request.branch == branch.as_str();
    let job = rest.task(&caller, &repository, JobKind::Commit, &id, fits).await?;
    let (status, answer) = rest.status(&job)?;
    Ok(Json(CommitAsyncStatus { status, result: answer.map(committed).transpose()? }))
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
    authorize(&caller, Action::ReadCommit, &Resource::at_ref(&repository, commit.base()))?;
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
    Query(query): Query<LogQuery>,
) -> Result<Json<CommitList>, Failure> {
    authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, reference.base()))?;
    if let Some(named) = &query.stop_at {
        authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, named.base()))?;
    }
    let after = rest.log_cursor(&caller, &repository, &query.after).await?;
    let page = rest.graveler.log(&repository, &reference, &query.request(after)).await?;
    let pagination = Pagination::before(page.next.map(|next| next.to_string()), page.commits.len());
    let results = page.commits.iter().map(|(id, commit)| CommitBody::new(id, commit)).collect();
    Ok(Json(CommitList { pagination, results }))
}

impl Rest {
    /// Where a log goes on: a page's end, or the commit of any ref.
    async fn log_cursor(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        after: &str,
    ) -> Result<Option<LogCursor>, Failure> {
        if after.is_empty() {
            return Ok(None);
        }
        if let Ok(cursor) = after.parse() {
            return Ok(Some(cursor));
        }
        let named: RefExpr = after.parse().map_err(|why| invalid_field("after", why))?;
        authorize(caller, Action::ReadBranch, &Resource::branch(repository, named.base()))?;
        Ok(Some(self.graveler.resolve(repository, &named).await?.commit.into()))
    }
}

fn refuse_metarange(query: CommitQuery) -> Result<(), Failure> {
    if query.source_metarange.is_none_or(|metarange| metarange.is_empty()) {
        return Ok(());
    }
    let why = "commits of a given metarange aren't supported: import the objects instead";
    Err(Failure::new(StatusCode::NOT_IMPLEMENTED, why))
}

fn commit_request(OnBranch { repository, branch }: &OnBranch, body: CommitCreation) -> wire::CreateCommitRequest {
    let CommitCreation { message, metadata, date, allow_empty, force } = body;
    wire::CreateCommitRequest {
        repository: repository.to_string(),
        branch: branch.to_string(),
        message,
        metadata: metadata.unwrap_or_default(),
        allow_empty: allow_empty.unwrap_or_default(),
        force: force.unwrap_or_default(),
        created_at: date.map(|seconds| time_to_wire(Timestamp::from_millis(seconds.saturating_mul(1000)))),
        ..wire::CreateCommitRequest::default()
    }
}

fn committed(answer: wire::CreateCommitResponse) -> Result<CommitBody, Failure> {
    let commit = answer.commit.ok_or_else(|| internal("a commit's answer without the commit"))?;
    Ok(commit.into())
}

impl CommitBody {
    pub(super) fn new(id: &CommitId, commit: &Commit) -> Self {
        commit_to_wire(id, commit).into()
    }
}

impl From<wire::Commit> for CommitBody {
    fn from(commit: wire::Commit) -> Self {
        Self {
            id: commit.id,
            parents: commit.parents,
            committer: commit.committer,
            message: commit.message,
            creation_date: commit.created_at.map_or(0, |at| at.seconds),
            meta_range_id: commit.metarange_id,
            metadata: commit.metadata,
            generation: commit.generation,
            version: 1,
        }
    }
}
