//! Takes up jobs that nobody carries out: those that wait for a free runner, and those whose runner is gone. Owns the
//! interval. Invariant: it begins no more than there is room for, and one claim of two wins.

use std::sync::{Arc, Weak};

use auth::Unknown;
use model::{Command, EndedRequest, Job, JobFailure, JobState, PAGE_MAX, Query, Refusal};
use tonic::Code;

use super::Inner;
use crate::Error;

/// Looks for jobs at every interval, as long as somebody holds the [`super::Jobs`].
pub(super) async fn keep_resuming(jobs: Weak<Inner>) {
    loop {
        let Some(inner) = jobs.upgrade() else { return };
        let interval = inner.options.resume_interval;
        if let Err(error) = inner.resume_some().await {
            tracing::warn!(%error, "can't look for jobs to take up");
        }
        drop(inner);
        tokio::time::sleep(interval).await;
    }
}

impl Inner {
    async fn resume_some(self: &Arc<Self>) -> Result<(), Error> {
        let mut after = None;
        loop {
            let query = Query::OpenJobs { after, amount: PAGE_MAX };
            let page = self.lines.graveler().meta().read(query).await?.jobs()?;
            after = page.items.last().map(|job| job.id);
            for job in page.items {
                self.resume(&job).await?;
            }
            if !page.more {
                return Ok(());
            }
        }
    }

    /// Takes a job up, if it is free and there is room.
    async fn resume(self: &Arc<Self>, job: &Job) -> Result<(), Error> {
        let meta = self.lines.graveler().meta();
        let now = self.lines.graveler().clock().now();
        if self.find(job.id).is_some() || job.lease.is_some_and(|lease| lease.until > now) {
            return Ok(());
        }
        let Ok(slot) = Arc::clone(&self.detached).try_acquire_owned() else { return Ok(()) };
        let claim = Command::ClaimJob { job: job.id, runner: self.runner, lease_ms: self.lease_ms() };
        let job = match meta.write(claim).await?.job() {
            Ok(job) => *job,
            Err(Refusal::JobTaken(_) | Refusal::JobNotFound(_)) => return Ok(()),
            Err(refusal) => return Err(refusal.into()),
        };
        if job.state.is_ended() {
            return Ok(());
        }
        // Whoever began it held a key then; by which one isn't known here. What they may is judged as it is now.
        match self.directory.user(job.user, &format!("job {}", job.id)).await {
            Ok(known) => {
                tracing::info!(job = %job.id, kind = %job.kind, attempt = job.attempts, "taking a job up");
                self.start_claimed(self.directory.caller(&known, None), &job, slot);
            }
            Err(Unknown::Ended) => self.end_orphan(job).await?,
            Err(unknown) => return Err(unknown.into()),
        }
        Ok(())
    }

    /// Ends a job whose user is gone: nobody may do anything in their name.
    async fn end_orphan(&self, job: Job) -> Result<(), Error> {
        let failure = JobFailure {
            code: Code::PermissionDenied as u32,
            reason: proto::api::Reason::AccessDenied.as_str().into(),
            message: "the user who began this job doesn't exist any more".into(),
        };
        let state = JobState::Failed(failure);
        let ended = EndedRequest { id: job.id, kind: job.kind, user: job.user, spec: job.spec, state };
        let command = Command::EndRequest { repository: job.repository, runner: self.runner, ended };
        self.lines.graveler().meta().write(command).await?.job()?;
        Ok(())
    }
}
