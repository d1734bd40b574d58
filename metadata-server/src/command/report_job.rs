//! Keeps a job's lease and its progress. Its runner learns from the answer whether it shall end.

use model::{CHECKPOINT_BYTES_MAX, Lease, Outcome, Refusal, ReportJob};

use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, jobs};

impl Apply for ReportJob {
    fn check_bounds(&self) -> Result<(), String> {
        bounds::at_most("bytes in a checkpoint", self.checkpoint.as_ref().map_or(0, Vec::len), CHECKPOINT_BYTES_MAX)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { job: id, runner, lease_ms, progress, checkpoint } = self;
        let (id, runner, lease_ms, checkpoint) = (*id, *runner, *lease_ms, checkpoint.as_deref());
        let mut job = jobs::get(tx, id, context.time)?;
        if job.state.is_ended() {
            return Ok(Outcome::Job(Box::new(job)));
        }
        if job.lease.is_none_or(|lease| lease.runner != runner) {
            return Err(Refusal::JobTaken(id).into());
        }
        job.lease = Some(Lease::new(runner, context.time, lease_ms));
        job.progress = progress.clone();
        if let Some(checkpoint) = checkpoint {
            job.checkpoint = checkpoint.to_vec();
        }
        jobs::put(tx, &job);
        Ok(Outcome::Job(Box::new(job)))
    }
}
