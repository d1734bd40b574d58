//! Remembers a request's end: its job's, or, if it was no job, as one that began and ended at once. Publications end the
//! requests that they carry out in the same step. Invariant: the first end stays.

use model::{EndedRequest, Job, JobProgress, JobState, Outcome, Refusal, Repository, RepositoryName, RunnerId};

use super::At;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, StateError, jobs, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    at: At,
    repository: &RepositoryName,
    runner: RunnerId,
    ended: &EndedRequest,
) -> Result<Outcome, Halt> {
    let found = jobs::find(tx, ended.id, at.time)?;
    if let Some(job) = found {
        if job.kind != ended.kind || job.spec != ended.spec {
            return Err(Refusal::RequestReused(ended.id).into());
        }
        if job.state.is_ended() {
            return Ok(Outcome::Job(Box::new(job)));
        }
        if jobs::is_taken(&job, runner, at.time) {
            return Err(Refusal::JobTaken(ended.id).into());
        }
        return Ok(Outcome::Job(Box::new(end(tx, at, job, ended)?)));
    }
    let repository = records::repository(tx, repository)?;
    Ok(Outcome::Job(Box::new(add(tx, at, &repository, ended)?)))
}

/// Refuses requests that have an answer already.
pub(super) fn none_is_answered(tx: &Transaction<'_>, at: At, ended: &[EndedRequest]) -> Result<(), Halt> {
    for EndedRequest { id, kind, spec, .. } in ended {
        match jobs::find(tx, *id, at.time)? {
            Some(job) if job.kind != *kind || job.spec != *spec => return Err(Refusal::RequestReused(*id).into()),
            Some(job) if job.state.is_ended() => return Err(Refusal::RequestAnswered(*id).into()),
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// Ends a request that has no answer yet; whoever carries it out, this end came first.
pub(super) fn carried_out(
    tx: &mut Transaction<'_>,
    at: At,
    repository: &Repository,
    ended: &EndedRequest,
) -> Result<(), StateError> {
    match jobs::find(tx, ended.id, at.time)? {
        Some(job) => drop(end(tx, at, job, ended)?),
        None => drop(add(tx, at, repository, ended)?),
    }
    Ok(())
}

fn end(tx: &mut Transaction<'_>, at: At, mut job: Job, ended: &EndedRequest) -> Result<Job, StateError> {
    jobs::expire(tx, at.time)?;
    jobs::end(tx, at.time, &mut job, end_state(ended))?;
    Ok(job)
}

fn add(tx: &mut Transaction<'_>, at: At, repository: &Repository, ended: &EndedRequest) -> Result<Job, StateError> {
    jobs::expire(tx, at.time)?;
    let job = Job {
        id: ended.id,
        repository: repository.name.clone(),
        repository_uid: repository.uid,
        kind: ended.kind,
        user: ended.user,
        caller: None,
        spec: ended.spec.clone(),
        created_at: at.time,
        state: end_state(ended),
        lease: None,
        attempts: 1,
        progress: JobProgress::default(),
        checkpoint: Vec::new(),
        ended_at: Some(at.time),
    };
    jobs::add(tx, &job)?;
    Ok(job)
}

/// What isn't an end is taken as one without an answer.
fn end_state(ended: &EndedRequest) -> JobState {
    if ended.state.is_ended() { ended.state.clone() } else { JobState::Cancelled }
}
