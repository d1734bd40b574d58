//! Jobs over gRPC. Invariant: a stream of a job ends with the job's end, or with an error.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use model::{Job, JobFailure, JobKind, JobState, RepositoryName, RequestId};
use proto::api::{parse_optional, time_to_wire};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::job::Answer;
use wire::jobs_server::Jobs as JobsService;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, decoded, text};
use crate::Error;
use crate::jobs::Jobs;

/// How often a job that somebody waits for is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

#[tonic::async_trait]
impl JobsService for Grpc {
    type WaitStream = BoxStream<'static, Result<wire::Job, Status>>;

    async fn get(&self, request: Request<wire::GetJobRequest>) -> Result<Response<wire::Job>, Status> {
        let (caller, message) = authenticated(request)?;
        let (repository, id) = (text("repository", &message.repository)?, text("id", &message.id)?);
        let job = self.jobs.get(&caller, &repository, id).await?;
        Ok(Response::new(to_wire(job)?))
    }

    async fn list(&self, request: Request<wire::ListJobsRequest>) -> Result<Response<wire::ListJobsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let after = parse_optional("after", &message.after).map_err(Error::from)?;
        let page = self.jobs.list(&caller, &repository, after, amount(message.amount)).await?;
        let (more, next_after) = (page.next_after.is_some(), page.next_after.map(|id| id.to_string()));
        let jobs = page.jobs.into_iter().map(to_wire).collect::<Result<_, _>>()?;
        Ok(Response::new(wire::ListJobsResponse { jobs, more, next_after: next_after.unwrap_or_default() }))
    }

    async fn cancel(&self, request: Request<wire::CancelJobRequest>) -> Result<Response<wire::Job>, Status> {
        let (caller, message) = authenticated(request)?;
        let (repository, id) = (text("repository", &message.repository)?, text("id", &message.id)?);
        let job = self.jobs.cancel(&caller, &repository, id).await?;
        Ok(Response::new(to_wire(job)?))
    }

    async fn wait(&self, request: Request<wire::WaitJobRequest>) -> Result<Response<Self::WaitStream>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let id: RequestId = text("id", &message.id)?;
        let first = self.jobs.get(&caller, &repository, id).await?;
        let jobs = self.jobs.clone();
        let later = stream::unfold(Some(first.clone()), move |last| {
            let (jobs, caller, repository) = (jobs.clone(), caller.clone(), repository.clone());
            async move {
                let last = last.filter(|job| !job.state.is_ended())?;
                match next_change(&jobs, &last, || jobs.get(&caller, &repository, id)).await {
                    Ok(job) => Some((Ok(job.clone()), Some(job))),
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        let all = stream::once(async { Ok(first) }).chain(later);
        Ok(Response::new(all.map(|job| to_wire(job?)).boxed()))
    }
}

/// Waits until a job isn't as it was told last.
async fn next_change<F: Future<Output = Result<Job, Error>>>(
    jobs: &Jobs,
    last: &Job,
    look: impl Fn() -> F,
) -> Result<Job, Error> {
    loop {
        jobs.pause(last.id, LOOK_INTERVAL).await;
        let job = look().await?;
        if (&job.state, &job.progress, job.attempts) != (&last.state, &last.progress, last.attempts) {
            return Ok(job);
        }
    }
}

fn to_wire(job: Job) -> Result<wire::Job, Status> {
    let (state, answer, failure) = match job.state {
        JobState::Waiting => (wire::JobState::Waiting, None, None),
        JobState::Running => (wire::JobState::Running, None, None),
        JobState::Cancelling => (wire::JobState::Cancelling, None, None),
        JobState::Cancelled => (wire::JobState::Cancelled, None, None),
        JobState::Done(bytes) => (wire::JobState::Done, answer(job.kind, &bytes)?, None),
        JobState::Failed(JobFailure { code, reason, message }) => {
            (wire::JobState::Failed, None, Some(wire::JobFailure { code, reason, message }))
        }
    };
    Ok(wire::Job {
        id: job.id.to_string(),
        repository: job.repository.into(),
        kind: kind(job.kind).into(),
        state: state.into(),
        created_at: Some(time_to_wire(job.created_at)),
        ended_at: job.ended_at.map(time_to_wire),
        attempts: job.attempts,
        stage: job.progress.stage,
        objects: job.progress.objects,
        bytes: job.progress.bytes,
        answer,
        failure,
    })
}

fn answer(kind: JobKind, bytes: &[u8]) -> Result<Option<Answer>, Status> {
    Ok(match kind {
        JobKind::Commit => Some(Answer::Commit(decoded(bytes)?)),
        JobKind::Merge => Some(Answer::Merge(decoded(bytes)?)),
        JobKind::Import => Some(Answer::Import(decoded(bytes)?)),
        JobKind::DumpRefs => Some(Answer::DumpRefs(decoded(bytes)?)),
        JobKind::RestoreRefs => Some(Answer::RestoreRefs(decoded(bytes)?)),
    })
}

fn kind(kind: JobKind) -> wire::JobKind {
    match kind {
        JobKind::Commit => wire::JobKind::Commit,
        JobKind::Merge => wire::JobKind::Merge,
        JobKind::Import => wire::JobKind::Import,
        JobKind::DumpRefs => wire::JobKind::DumpRefs,
        JobKind::RestoreRefs => wire::JobKind::RestoreRefs,
    }
}
