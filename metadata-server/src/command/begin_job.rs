//! Begins a job, or finds the one that began under the same request id, in whatever state it is; but one that failed for a reason that
//! may pass is begun anew.

use model::{BeginJob, JOB_BYTES_MAX, Job, JobProgress, JobState, Lease, Outcome, Refusal};

use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, jobs, records};

impl Apply for BeginJob {
    fn check_bounds(&self) -> Result<(), String> {
        bounds::at_most("bytes in a request", self.spec.message.len(), JOB_BYTES_MAX)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        match jobs::find(tx, self.request, context.time)? {
            Some(job) if !same(&job, self) => return Err(Refusal::RequestReused(self.request).into()),
            Some(job) if !job.is_retryable() => return Ok(Outcome::Job(Box::new(job))),
            Some(_) | None => {}
        }
        let repository = records::repository(tx, &self.repository)?;
        if !jobs::has_room(tx)? {
            return Err(Refusal::TooManyJobs.into());
        }
        jobs::expire(tx, context.time)?;
        let job = Job {
            id: self.request,
            repository: repository.name,
            repository_uid: repository.uid,
            kind: self.kind,
            user: self.user,
            caller: self.caller.clone(),
            spec: self.spec.clone(),
            created_at: context.time,
            state: if self.runner.is_some() { JobState::Running } else { JobState::Waiting },
            lease: self.runner.map(|(runner, length_ms)| Lease::new(runner, context.time, length_ms)),
            attempts: u32::from(self.runner.is_some()),
            progress: JobProgress::default(),
            checkpoint: Vec::new(),
            ended_at: None,
        };
        jobs::add(tx, &job)?;
        Ok(Outcome::Job(Box::new(job)))
    }
}

fn same(job: &Job, new: &BeginJob) -> bool {
    job.repository == new.repository
        && job.kind == new.kind
        && job.user == new.user
        && job.spec.asks_the_same(&new.spec)
}
