//! Takes up a job whose runner is gone, or that had none yet. Invariant: while a lease lasts, nobody else gets the job.

use model::{ClaimJob, JobState, Lease, Outcome, Refusal};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, jobs};

impl Apply for ClaimJob {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { job: id, runner, lease_ms } = self;
        let (id, runner, lease_ms) = (*id, *runner, *lease_ms);
        let mut job = jobs::get(tx, id, context.time)?;
        if job.state.is_ended() {
            return Ok(Outcome::Job(Box::new(job)));
        }
        if jobs::is_taken(&job, runner, context.time) {
            return Err(Refusal::JobTaken(id).into());
        }
        if job.state == JobState::Cancelling {
            jobs::end(tx, context.time, &mut job, JobState::Cancelled)?;
        } else {
            job.state = JobState::Running;
            job.lease = Some(Lease::new(runner, context.time, lease_ms));
            job.attempts = job.attempts.saturating_add(1);
            jobs::put(tx, &job);
        }
        Ok(Outcome::Job(Box::new(job)))
    }
}
