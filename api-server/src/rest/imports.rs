//! Imports over REST: begun, looked at, ended. Invariant: an import that failed never says that it is completed, for
//! lakeFS's clients take that as success.

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{BranchName, JobKind, JobState};
use proto::generated::api as wire;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::commits::{CommitBody, CommitCreation};
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::path_params::OnBranch;
use super::tasks::{End, TaskCreation, end};
use crate::jobs::decode;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(import_start, import_status, import_cancel))
}

/// What to import.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ImportCreation {
    paths: Vec<ImportLocation>,
    commit: CommitCreation,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// One source of an import.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ImportLocation {
    r#type: ImportLocationType,
    /// A URL that the server may read: of a folder, or of an object.
    path: String,
    /// What the paths of a folder's objects begin with, or an object's path.
    destination: String,
}

/// What a source is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportLocationType {
    CommonPrefix,
    Object,
}

/// How far an import is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportStatus {
    /// Whether it is done, and its commit there.
    completed: bool,
    #[schema(format = "date-time")]
    update_time: String,
    /// How many objects it has so far.
    ingested_objects: u64,
    /// The root of the tree that it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    metarange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    commit: Option<CommitBody>,
    /// Why it failed; then nothing was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<ErrorBody>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// The import, as its start was answered.
    id: String,
}

/// Import objects from where they lie
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/import", operation_id = "importStart",
    tag = "import", params(OnBranch), request_body = ImportCreation,
    responses((status = 202, body = TaskCreation), (status = "default", body = ErrorBody)))]
async fn import_start(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Body(body): Body<ImportCreation>,
) -> Result<(StatusCode, Json<TaskCreation>), Failure> {
    if body.commit.date.is_some() {
        return Err(invalid_field("commit.date", "leave it out: an import's commit is made when the import is done"));
    }
    authorize(&caller, Action::CreateCommit, &Resource::branch(&repository, &branch))?;
    rest.graveler.meta().branch(&repository, &branch).await?;
    let request = wire::ImportRequest {
        repository: repository.to_string(),
        branch: branch.to_string(),
        paths: body.paths.into_iter().map(Into::into).collect(),
        message: body.commit.message,
        metadata: body.commit.metadata.unwrap_or_default(),
        force: body.force.unwrap_or_default(),
        ..wire::ImportRequest::default()
    };
    rest.begin(&caller, &repository, JobKind::Import, &request).await
}

/// Ask how far an import is
#[utoipa::path(get, path = "/repositories/{repository}/branches/{branch}/import", operation_id = "importStatus",
    tag = "import", params(OnBranch, ImportQuery),
    responses((status = 200, body = ImportStatus), (status = "default", body = ErrorBody)))]
async fn import_status(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ImportQuery { id }): Query<ImportQuery>,
) -> Result<Json<ImportStatus>, Failure> {
    authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, &branch))?;
    let job = rest.task(&caller, &repository, JobKind::Import, &id, onto(&branch)).await?;
    let mut status = ImportStatus {
        completed: false,
        update_time: rest.update_time(&job),
        ingested_objects: job.progress.objects,
        metarange_id: None,
        commit: None,
        error: None,
    };
    match end(&job) {
        None => {}
        Some(End::Failed(error, _)) => status.error = Some(error),
        Some(End::Done(answer)) => {
            let answer: wire::ImportResponse = decode(&answer)?;
            status.completed = true;
            status.ingested_objects = answer.objects;
            status.metarange_id = answer.commit.as_ref().map(|commit| commit.metarange_id.clone());
            status.commit = answer.commit.map(Into::into);
        }
    }
    Ok(Json(status))
}

/// End an import; what it has so far is forgotten
#[utoipa::path(delete, path = "/repositories/{repository}/branches/{branch}/import", operation_id = "importCancel",
    tag = "import", params(OnBranch, ImportQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn import_cancel(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ImportQuery { id }): Query<ImportQuery>,
) -> Result<StatusCode, Failure> {
    authorize(&caller, Action::ImportCancel, &Resource::branch(&repository, &branch))?;
    let job = rest.task(&caller, &repository, JobKind::Import, &id, onto(&branch)).await?;
    let state = rest.jobs.cancel(&caller, &repository, job.id).await?.state;
    if matches!(state, JobState::Done(_) | JobState::Failed(_)) {
        return Err(Failure::new(StatusCode::CONFLICT, "conflict found: the import has ended already"));
    }
    Ok(StatusCode::NO_CONTENT)
}

fn onto(branch: &BranchName) -> impl FnOnce(&wire::ImportRequest) -> bool {
    move |request| request.branch == branch.as_str()
}

impl From<ImportLocation> for wire::ImportPath {
    fn from(location: ImportLocation) -> Self {
        let kind = match location.r#type {
            ImportLocationType::CommonPrefix => wire::ImportKind::CommonPrefix,
            ImportLocationType::Object => wire::ImportKind::Object,
        };
        Self { path: location.path, destination: location.destination, kind: kind.into() }
    }
}
