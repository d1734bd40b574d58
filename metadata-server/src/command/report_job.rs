//! Keeps a job's lease and its progress. Its runner learns from the answer whether it shall end.

use model::{JobProgress, Lease, Outcome, Refusal, RequestId, RunnerId};

use super::ApplyContext;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, jobs};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    id: RequestId,
    (runner, lease_ms): (RunnerId, u32),
    progress: &JobProgress,
    checkpoint: Option<&[u8]>,
) -> Result<Outcome, Halt> {
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
