//! Dumps and restores of refs over REST, waited for or begun and asked after.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{JobKind, RepositoryName};
use proto::generated::api as wire;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure};
use super::path_params::InRepository;
use super::tasks::{End, TaskCreation, end};
use crate::error_table::internal;
use crate::flows;
use crate::jobs::decode;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(dump_refs))
        .routes(routes!(restore_refs))
        .routes(routes!(dump_submit, dump_status))
        .routes(routes!(restore_submit, restore_status))
}

/// The files of a dump, in the repository's storage namespace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefsDump {
    commits_meta_range_id: String,
    tags_meta_range_id: String,
    branches_meta_range_id: String,
}

/// Which dump to restore.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RefsRestore {
    commits_meta_range_id: String,
    tags_meta_range_id: String,
    branches_meta_range_id: String,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// How far a dump is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepositoryDumpStatus {
    #[serde(flatten)]
    status: RepositoryRestoreStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refs: Option<RefsDump>,
}

/// How far a restore is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepositoryRestoreStatus {
    id: String,
    /// Whether it ended, well or not.
    done: bool,
    #[schema(format = "date-time")]
    update_time: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TaskQuery {
    /// The task, as its start was answered.
    task_id: String,
}

/// Dump a repository's refs to its storage namespace
#[utoipa::path(put, path = "/repositories/{repository}/refs/dump", operation_id = "dumpRefs", tag = "refs",
    params(InRepository),
    responses((status = 201, body = RefsDump), (status = "default", body = ErrorBody)))]
async fn dump_refs(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<(StatusCode, Json<RefsDump>), Failure> {
    let answer = rest.run(&caller, &repository, JobKind::DumpRefs, &dump_request(&repository)).await?;
    Ok((StatusCode::CREATED, Json(dumped(answer)?)))
}

/// Make the refs of a dump in a bare repository
#[utoipa::path(put, path = "/repositories/{repository}/refs/restore", operation_id = "restoreRefs", tag = "refs",
    params(InRepository), request_body = RefsRestore,
    responses((status = 200), (status = "default", body = ErrorBody)))]
async fn restore_refs(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(body): Body<RefsRestore>,
) -> Result<StatusCode, Failure> {
    let request = restore_request(&repository, body);
    let _: wire::RestoreRefsResponse = rest.run(&caller, &repository, JobKind::RestoreRefs, &request).await?;
    Ok(StatusCode::OK)
}

/// Begin to dump a repository's refs
#[utoipa::path(post, path = "/repositories/{repository}/dump", operation_id = "dumpSubmit", tag = "repositories",
    params(InRepository),
    responses((status = 202, body = TaskCreation), (status = "default", body = ErrorBody)))]
async fn dump_submit(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<(StatusCode, Json<TaskCreation>), Failure> {
    rest.begin(&caller, &repository, JobKind::DumpRefs, &dump_request(&repository)).await
}

/// Ask how far a dump is
#[utoipa::path(get, path = "/repositories/{repository}/dump", operation_id = "dumpStatus", tag = "repositories",
    params(InRepository, TaskQuery),
    responses((status = 200, body = RepositoryDumpStatus), (status = "default", body = ErrorBody)))]
async fn dump_status(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Query(TaskQuery { task_id }): Query<TaskQuery>,
) -> Result<Json<RepositoryDumpStatus>, Failure> {
    flows::may_dump_refs(&caller, &repository)?;
    let (status, answer) = rest.refs_task(&caller, &repository, JobKind::DumpRefs, &task_id).await?;
    let refs = answer.map(|answer| dumped(decode(&answer)?)).transpose()?;
    Ok(Json(RepositoryDumpStatus { status, refs }))
}

/// Begin to make the refs of a dump in a bare repository
#[utoipa::path(post, path = "/repositories/{repository}/restore", operation_id = "restoreSubmit",
    tag = "repositories", params(InRepository), request_body = RefsRestore,
    responses((status = 202, body = TaskCreation), (status = "default", body = ErrorBody)))]
async fn restore_submit(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(body): Body<RefsRestore>,
) -> Result<(StatusCode, Json<TaskCreation>), Failure> {
    let request = restore_request(&repository, body);
    rest.begin(&caller, &repository, JobKind::RestoreRefs, &request).await
}

/// Ask how far a restore is
#[utoipa::path(get, path = "/repositories/{repository}/restore", operation_id = "restoreStatus",
    tag = "repositories", params(InRepository, TaskQuery),
    responses((status = 200, body = RepositoryRestoreStatus), (status = "default", body = ErrorBody)))]
async fn restore_status(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Query(TaskQuery { task_id }): Query<TaskQuery>,
) -> Result<Json<RepositoryRestoreStatus>, Failure> {
    flows::may_restore_refs(&caller, &repository)?;
    Ok(Json(rest.refs_task(&caller, &repository, JobKind::RestoreRefs, &task_id).await?.0))
}

impl Rest {
    /// How far a dump or restore is, and its answer.
    async fn refs_task(
        &self,
        caller: &auth::Caller,
        repository: &RepositoryName,
        kind: JobKind,
        id: &str,
    ) -> Result<(RepositoryRestoreStatus, Option<Vec<u8>>), Failure> {
        let job = self.task(caller, repository, kind, id, |_: &wire::DumpRefsRequest| true).await?;
        let (error, answer) = match end(&job) {
            None => (None, None),
            Some(End::Done(answer)) => (None, Some(answer)),
            Some(End::Failed(error, _)) => (Some(error.message), None),
        };
        let (id, done) = (job.id.to_string(), job.state.is_ended());
        Ok((RepositoryRestoreStatus { id, done, update_time: self.update_time(&job), error }, answer))
    }
}

fn dump_request(repository: &RepositoryName) -> wire::DumpRefsRequest {
    wire::DumpRefsRequest { repository: repository.to_string(), ..wire::DumpRefsRequest::default() }
}

fn restore_request(repository: &RepositoryName, body: RefsRestore) -> wire::RestoreRefsRequest {
    let dump = wire::RefsDump {
        commits_id: body.commits_meta_range_id,
        tags_id: body.tags_meta_range_id,
        branches_id: body.branches_meta_range_id,
    };
    let (repository, force) = (repository.to_string(), body.force.unwrap_or_default());
    wire::RestoreRefsRequest { repository, dump: Some(dump), force, ..wire::RestoreRefsRequest::default() }
}

fn dumped(answer: wire::DumpRefsResponse) -> Result<RefsDump, Failure> {
    let dump = answer.dump.ok_or_else(|| internal("a dump's answer without the dump"))?;
    Ok(RefsDump {
        commits_meta_range_id: dump.commits_id,
        tags_meta_range_id: dump.tags_id,
        branches_meta_range_id: dump.branches_id,
    })
}
