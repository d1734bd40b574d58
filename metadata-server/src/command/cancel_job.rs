//! Ends a job that nobody carries out, or asks its runner to end it. A job that ended stays as it ended.

use model::{CancelJob, JobState, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, jobs};

impl Apply for CancelJob {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { job: id } = self;
        let id = *id;
        let mut job = jobs::get(tx, id, context.time)?;
        if job.state.is_ended() {
            return Ok(Outcome::Job(Box::new(job)));
        }
        if job.lease.is_some_and(|lease| lease.lasts(context.time)) {
            job.state = JobState::Cancelling;
            jobs::put(tx, &job);
        } else {
            jobs::end(tx, context.time, &mut job, JobState::Cancelled)?;
        }
        Ok(Outcome::Job(Box::new(job)))
    }
}
