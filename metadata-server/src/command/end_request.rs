//! Remembers a request's end: its job's, or, if it was no job, as one that began and ended at once. Publications end the
//! requests that they carry out in the same step. Invariant: the first end stays, but for a failure that may pass.

use model::{CompletedRequest, EndRequest, Job, JobProgress, JobState, Outcome, Refusal, Repository};

use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, StateError, jobs, records};

impl Apply for EndRequest {
    fn check_bounds(&self) -> Result<(), String> {
        bounds::completed(&self.ended)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, runner, ended } = self;
        let runner = *runner;
        let found = jobs::find(tx, ended.id, context.time)?;
        if let Some(job) = found {
            if job.kind != ended.kind || !job.spec.asks_the_same(&ended.spec) {
                return Err(Refusal::RequestReused(ended.id).into());
            }
            if jobs::is_taken(&job, runner, context.time) {
                return Err(Refusal::JobTaken(ended.id).into());
            }
            if !job.state.is_ended() {
                return Ok(Outcome::Job(Box::new(end(tx, context, job, ended)?)));
            }
            if !job.is_retryable() {
                return Ok(Outcome::Job(Box::new(job)));
            }
        }
        let repository = records::repository(tx, repository)?;
        Ok(Outcome::Job(Box::new(add(tx, context, &repository, ended)?)))
    }
}

/// Refuses requests that have an answer already.
pub(super) fn none_is_answered(
    tx: &Transaction<'_>,
    context: ApplyContext,
    ended: &[CompletedRequest],
) -> Result<(), Halt> {
    for CompletedRequest { id, kind, spec, .. } in ended {
        match jobs::find(tx, *id, context.time)? {
            Some(job) if job.kind != *kind || !job.spec.asks_the_same(spec) => {
                return Err(Refusal::RequestReused(*id).into());
            }
            Some(job) if job.state.is_ended() && !job.is_retryable() => {
                return Err(Refusal::RequestAnswered(*id).into());
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// Ends a request that has no answer yet; even if a server carries it out, this end came first.
pub(super) fn carried_out(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &Repository,
    ended: &CompletedRequest,
) -> Result<(), StateError> {
    match jobs::find(tx, ended.id, context.time)? {
        Some(job) if !job.state.is_ended() => drop(end(tx, context, job, ended)?),
        Some(_) | None => drop(add(tx, context, repository, ended)?),
    }
    Ok(())
}

fn end(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    mut job: Job,
    ended: &CompletedRequest,
) -> Result<Job, StateError> {
    jobs::expire(tx, context.time)?;
    jobs::end(tx, context.time, &mut job, end_state(ended))?;
    Ok(job)
}

fn add(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &Repository,
    ended: &CompletedRequest,
) -> Result<Job, StateError> {
    jobs::expire(tx, context.time)?;
    let job = Job {
        id: ended.id,
        repository: repository.name.clone(),
        repository_uid: repository.uid,
        kind: ended.kind,
        user: ended.user,
        caller: None,
        spec: ended.spec.clone(),
        created_at: context.time,
        state: end_state(ended),
        lease: None,
        attempts: 1,
        progress: JobProgress::default(),
        checkpoint: Vec::new(),
        ended_at: Some(context.time),
    };
    jobs::add(tx, &job)?;
    Ok(job)
}

/// What isn't an end is taken as one without an answer.
fn end_state(ended: &CompletedRequest) -> JobState {
    if ended.state.is_ended() { ended.state.clone() } else { JobState::Cancelled }
}
