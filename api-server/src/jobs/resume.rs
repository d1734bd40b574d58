//! Takes up jobs that nobody carries out: those that wait for a free runner, and those whose runner is gone. Owns the
//! interval, and what is done with a job that can't be taken up. Invariants: it begins no more than there is room for, one
//! claim of two wins, and no job stands in the way of those after it.

use std::sync::{Arc, Weak};

use auth::Unknown;
use model::{
    ClaimJob, Command, CompletedRequest, EndRequest, Job, JobCaller, JobFailure, JobState, ListOpenJobs, MetaError,
    PAGE_MAX, Refusal, Timestamp,
};
use proto::api::Reason;
use tonic::Code;

use super::Inner;
use crate::Error;

/// How often a job is taken up: one that ends its servers each time would end them for ever.
const ATTEMPTS_MAX: u32 = 32;
/// For how long a job waits that can't be judged, a newer server's perhaps.
const UNJUDGED_MS_MAX: u64 = 60 * 60 * 1000;

/// Looks for jobs at every interval, as long as somebody holds the [`super::Jobs`] and they don't end.
pub(super) async fn keep_resuming(jobs: Weak<Inner>) {
    loop {
        let Some(inner) = jobs.upgrade() else { return };
        let (interval, ending) = (inner.options.resume_interval, inner.ending.clone());
        match ending.run_until_cancelled(inner.resume_some()).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "can't look for jobs to take up"),
            None => return,
        }
        drop(inner);
        if ending.run_until_cancelled(tokio::time::sleep(interval)).await.is_none() {
            return;
        }
    }
}

impl Inner {
    async fn resume_some(self: &Arc<Self>) -> Result<(), Error> {
        let mut after = None;
        while self.detached.available_permits() > 0 {
            let query = ListOpenJobs { after, amount: PAGE_MAX };
            let page = self.queues.graveler().meta().ask(query).await?;
            after = page.items.last().map(|job| job.id);
            for job in page.items {
                let id = job.id;
                match self.resume(job).await {
                    Ok(()) => {}
                    // Nor is anything known of the others.
                    Err(error @ Error::Graveler(graveler::Error::Meta(MetaError::Unavailable(_)))) => {
                        return Err(error);
                    }
                    Err(error) => tracing::warn!(%error, job = %id, "can't take a job up"),
                }
            }
            if !page.more {
                break;
            }
        }
        Ok(())
    }

    /// Takes a job up, if it is free and there is room.
    async fn resume(self: &Arc<Self>, job: Job) -> Result<(), Error> {
        let now = self.queues.graveler().clock().now();
        if self.find(job.id).is_some() || job.lease.is_some_and(|lease| lease.lasts(now)) {
            return Ok(());
        }
        if job.spec.version > super::work::SPEC_VERSION {
            return Ok(());
        }
        if job.attempts >= ATTEMPTS_MAX {
            let why = format!("it was taken up {ATTEMPTS_MAX} times, and no server came to its end");
            return self.fail(job, Code::Internal, Reason::Internal, why).await;
        }
        let Ok(slot) = Arc::clone(&self.detached).try_acquire_owned() else { return Ok(()) };
        // Judged before it is claimed: what can't be judged here is left to others.
        let was = job.caller.clone().unwrap_or_else(|| unknown_caller(&job));
        let caller = match self.directory.resumed(job.user, &was).await {
            Ok(caller) => caller,
            Err(Unknown::Ended) => {
                let why = "the user who began this job doesn't exist any more".to_owned();
                return self.fail(job, Code::PermissionDenied, Reason::AccessDenied, why).await;
            }
            Err(Unknown::Unreadable(why)) if is_long_ago(job.created_at, now) => {
                let why = format!("what the user who began this job may can't be judged: {why}");
                return self.fail(job, Code::Internal, Reason::Internal, why).await;
            }
            Err(unknown) => return Err(unknown.into()),
        };
        let claim = Command::ClaimJob(ClaimJob { job: job.id, runner: self.runner, lease_ms: self.lease_ms() });
        let job = match self.queues.graveler().meta().write(claim).await?.job() {
            Ok(job) => *job,
            Err(Refusal::JobTaken(_) | Refusal::JobNotFound(_)) => return Ok(()),
            Err(refusal) => return Err(refusal.into()),
        };
        if !job.state.is_ended() {
            tracing::info!(job = %job.id, kind = %job.kind, attempt = job.attempts, "taking a job up");
            self.start_claimed(caller, &job, slot);
        }
        Ok(())
    }

    /// Ends a job that nobody can take up.
    async fn fail(&self, job: Job, code: Code, reason: Reason, message: String) -> Result<(), Error> {
        tracing::warn!(job = %job.id, message, "a job can't be taken up");
        let failure = JobFailure { code: code as u32, reason: reason.as_str().into(), message };
        let state = JobState::Failed(failure);
        let ended = CompletedRequest { id: job.id, kind: job.kind, user: job.user, spec: job.spec, state };
        let command = Command::EndRequest(EndRequest { repository: job.repository, runner: self.runner, ended });
        self.queues.graveler().meta().write(command).await?.job()?;
        Ok(())
    }
}

/// What is known of who began a job of an earlier version: nothing but when.
fn unknown_caller(job: &Job) -> JobCaller {
    JobCaller { access_key_id: format!("job {}", job.id), at: job.created_at, ..JobCaller::default() }
}

/// Returns whether it is too long ago, or told by a clock that ran ahead.
fn is_long_ago(time: Timestamp, now: Timestamp) -> bool {
    now > time.plus_millis(UNJUDGED_MS_MAX) || time.is_too_far(now, 0)
}
