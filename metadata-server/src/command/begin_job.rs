//! Begins a job, or finds the one that began under the same request id, in whatever state it is.

use model::{
    Job, JobCaller, JobKind, JobProgress, JobState, Lease, Outcome, Refusal, RepositoryName, RequestId, RunnerId,
    UserId,
};

use super::ApplyContext;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, jobs, records};

/// What is to be begun, as in [`model::Command::BeginJob`].
pub(super) struct NewJob<'c> {
    pub(super) repository: &'c RepositoryName,
    pub(super) kind: JobKind,
    pub(super) user: UserId,
    pub(super) caller: Option<&'c JobCaller>,
    pub(super) spec: &'c [u8],
    pub(super) runner: Option<(RunnerId, u32)>,
}

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    request: RequestId,
    new: &NewJob<'_>,
) -> Result<Outcome, Halt> {
    if let Some(job) = jobs::find(tx, request, context.time)? {
        return if same(&job, new) {
            Ok(Outcome::Job(Box::new(job)))
        } else {
            Err(Refusal::RequestReused(request).into())
        };
    }
    let repository = records::repository(tx, new.repository)?;
    if !jobs::has_room(tx)? {
        return Err(Refusal::TooManyJobs.into());
    }
    jobs::expire(tx, context.time)?;
    let job = Job {
        id: request,
        repository: repository.name,
        repository_uid: repository.uid,
        kind: new.kind,
        user: new.user,
        caller: new.caller.cloned(),
        spec: new.spec.to_vec(),
        created_at: context.time,
        state: if new.runner.is_some() { JobState::Running } else { JobState::Waiting },
        lease: new.runner.map(|(runner, length_ms)| Lease::new(runner, context.time, length_ms)),
        attempts: u32::from(new.runner.is_some()),
        progress: JobProgress::default(),
        checkpoint: Vec::new(),
        ended_at: None,
    };
    jobs::add(tx, &job)?;
    Ok(Outcome::Job(Box::new(job)))
}

fn same(job: &Job, new: &NewJob<'_>) -> bool {
    job.repository == *new.repository && job.kind == new.kind && job.user == new.user && job.spec == new.spec
}
