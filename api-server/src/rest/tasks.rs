//! Requests that go through `jobs`, waited for or not: what commits, merges, imports and the like share. Owns how a job
//! looks to lakeFS's clients. Invariant: a task is found only at the path at which it was begun.

use auth::Caller;
use axum::Json;
use http::StatusCode;
use model::{Job, JobKind, RepositoryName};
use prost::Message;
use proto::api::time_to_wire;
use serde::Serialize;
use utoipa::ToSchema;

use super::Rest;
use super::failure::{ErrorBody, Failure};
use crate::error_table::state_to_result;
use crate::jobs::{NewJob, decode};

/// A task that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskCreation {
    /// What to ask for its status with.
    id: String,
}

/// How far a task is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AsyncTaskStatus {
    task_id: String,
    /// Whether it ended, well or not.
    completed: bool,
    #[schema(format = "date-time")]
    update_time: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<ErrorBody>,
    /// What the same request would have been answered, had it been waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status_code: Option<u16>,
}

/// How a task ended.
pub(super) enum End {
    /// This is its answer, encoded.
    Done(Vec<u8>),
    /// This is why it came to nothing, and what it would have been answered.
    Failed(ErrorBody, StatusCode),
}

impl Rest {
    /// Carries a request out and waits for its answer.
    pub(super) async fn run<A: Message + Default>(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        kind: JobKind,
        request: &impl Message,
    ) -> Result<A, Failure> {
        let answer = self.jobs.run(caller, new_job(repository, kind, request)).await;
        Ok(decode(&answer.map_err(Failure::of_commit)?)?)
    }

    /// Begins a request that nobody waits for. → 202
    pub(super) async fn begin(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        kind: JobKind,
        request: &impl Message,
    ) -> Result<(StatusCode, Json<TaskCreation>), Failure> {
        let job = self.jobs.begin(caller, new_job(repository, kind, request)).await.map_err(Failure::of_commit)?;
        Ok((StatusCode::ACCEPTED, Json(TaskCreation { id: job.id.to_string() })))
    }

    /// Finds a task of a kind whose request fits the path.
    pub(super) async fn task<M: Message + Default>(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        kind: JobKind,
        id: &str,
        fits: impl FnOnce(&M) -> bool,
    ) -> Result<Job, Failure> {
        let unknown = || Failure::not_found(format!("there is no such task here: {}", shown(id)));
        let job = self.jobs.get(caller, repository, id.parse().map_err(|_| unknown())?).await?;
        if job.kind != kind {
            return Err(unknown());
        }
        if fits(&decode(&job.spec.message)?) { Ok(job) } else { Err(unknown()) }
    }

    /// When something was last heard of a task.
    pub(super) fn update_time(&self, job: &Job) -> String {
        time_to_wire(job.ended_at.unwrap_or_else(|| self.graveler.clock().now())).to_string()
    }

    /// How far a task is, and its answer if it is done.
    pub(super) fn status<A: Message + Default>(&self, job: &Job) -> Result<(AsyncTaskStatus, Option<A>), Failure> {
        let status = |error, status_code: Option<StatusCode>| AsyncTaskStatus {
            task_id: job.id.to_string(),
            completed: job.state.is_ended(),
            update_time: self.update_time(job),
            error,
            status_code: status_code.map(|code| code.as_u16()),
        };
        Ok(match end(job) {
            None => (status(None, None), None),
            Some(End::Done(answer)) => (status(None, None), Some(decode(&answer)?)),
            Some(End::Failed(error, code)) => (status(Some(error), Some(code)), None),
        })
    }
}

impl AsyncTaskStatus {
    /// An end that is an answer to others, and a failure to lakeFS's clients.
    pub(super) fn failed(self, code: StatusCode, message: String) -> Self {
        Self { error: Some(ErrorBody { message }), status_code: Some(code.as_u16()), ..self }
    }
}

/// How a job ended, if it has.
pub(super) fn end(job: &Job) -> Option<End> {
    if !job.state.is_ended() {
        return None;
    }
    Some(match state_to_result(job.state.clone()) {
        Ok(answer) => End::Done(answer),
        Err(error) => {
            let (code, message) = Failure::of_commit(error).into_parts();
            End::Failed(ErrorBody { message }, code)
        }
    })
}

fn new_job(repository: &RepositoryName, kind: JobKind, request: &impl Message) -> NewJob {
    NewJob { id: None, repository: repository.clone(), kind, message: request.encode_to_vec() }
}

fn shown(id: &str) -> String {
    id.chars().take(64).flat_map(char::escape_debug).collect()
}
