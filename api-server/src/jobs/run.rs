//! The life of one request in this process: carried out, kept alive, cancelled, remembered. Invariant: it ends in a
//! state that everybody who asks for the id will hear too, unless the failure was one that a later try may not meet.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use model::{
    BeginJob, ClaimJob, Command, CompletedRequest, EndRequest, GetJob, Job, JobFailure, JobKind, JobState, MetaError,
    Refusal, ReportJob,
};
use proto::api::Reason;
use tonic::Code;

use super::work::{self, Answer, Work};
use super::{Inner, Request, UnderWay};
use crate::{Error, backoff, error_table};

/// How often a job is begun again after failures that may pass, and a record is tried to be written.
const ATTEMPTS_MAX: u32 = 8;
/// How often one is that failed by a bug, so it seems: perhaps the server was about to end.
const INTERNAL_ATTEMPTS_MAX: u32 = 3;
/// How often an import is begun when an object store fails: it goes on from its checkpoint, and nobody waits for an answer
/// that a client's timeout bounds. Others end with what the store failed with: each request to it was tried again already,
/// and a caller shall hear of it while the caller still waits.
const IMPORT_ATTEMPTS_MAX: u32 = 3;
/// How often a job that another server carries out is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// What is known of a request when it starts.
pub(super) enum Known {
    /// Its id is new.
    No,
    /// Somebody may have begun it before.
    Perhaps,
    /// It is a record, and this runner's; this is what the one before left.
    Claimed(Vec<u8>),
}

/// How one try ended.
enum Try {
    Ended(JobState),
    /// Another runner has it.
    Lost,
    /// It failed in a way that may pass.
    Again(JobFailure),
    /// This server ends, and leaves it to another.
    Left,
}

impl Inner {
    /// Carries a request out, or waits until the task that does has ended. `None` if it is left to another server.
    pub(super) async fn see_through(&self, task: &UnderWay, mut known: Known) -> Option<JobState> {
        let mut failures = 0;
        loop {
            let (recorded, checkpoint) = match &known {
                Known::Claimed(checkpoint) => (true, checkpoint.clone()),
                Known::No => (false, Vec::new()),
                Known::Perhaps => match self.ending.run_until_cancelled(self.take_over(&task.request)).await? {
                    Ok(None) => (false, Vec::new()),
                    Ok(Some(job)) if job.state.is_ended() => return Some(job.state),
                    Ok(Some(job)) => (true, job.checkpoint),
                    Err(error) => return Some(JobState::Failed(error_table::failure(&error))),
                },
            };
            match self.try_once(task, recorded, checkpoint, matches!(known, Known::No)).await {
                Try::Ended(state) => return Some(state),
                Try::Lost => known = Known::Perhaps,
                Try::Left => return None,
                Try::Again(failure) => {
                    failures += 1;
                    if failures >= attempts_max(task.request.kind, &failure) {
                        return Some(self.remember(&task.request, JobState::Failed(failure)).await);
                    }
                    self.ending.run_until_cancelled(backoff::wait(failures + 4)).await?;
                    known = Known::Perhaps;
                }
            }
        }
    }

    /// Finds what is known of a request: its end, or, once nobody else carries it out, its record with our lease.
    async fn take_over(&self, request: &Request) -> Result<Option<Job>, Error> {
        let meta = self.queues.graveler().meta();
        loop {
            let job = match meta.ask(GetJob { id: request.id }).await {
                Ok(job) => *job,
                Err(MetaError::Refused(Refusal::JobNotFound(_))) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let same = job.repository == request.repository
                && job.kind == request.kind
                && job.spec.asks_the_same(&request.spec)
                && job.user == request.caller.user.id;
            if !same {
                return Err(Refusal::RequestReused(request.id).into());
            }
            if job.is_retryable() {
                return Ok(None);
            }
            if job.state.is_ended() {
                return Ok(Some(job));
            }
            let claim = Command::ClaimJob(ClaimJob { job: job.id, runner: self.runner, lease_ms: self.lease_ms() });
            match meta.write(claim).await?.job() {
                Ok(job) => return Ok(Some(*job)),
                Err(Refusal::JobTaken(_)) => tokio::time::sleep(LOOK_INTERVAL).await,
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// Carries a request out once, and keeps its lease meanwhile: the work doesn't wait for the lease.
    async fn try_once(&self, task: &UnderWay, recorded: bool, checkpoint: Vec<u8>, is_new: bool) -> Try {
        let work = Work::new(self.queues.clone(), &task.request, checkpoint);
        let recorded = AtomicBool::new(recorded);
        let mut kept = pin!(self.keep_lease(task, &work, &recorded));
        let mut carried_out = pin!(work::carry_out(&work));
        tokio::select! {
            biased;
            () = task.cancel.notified() => Try::Ended(self.remember(&task.request, JobState::Cancelled).await),
            () = self.ending.cancelled() => {
                if recorded.load(Relaxed) {
                    self.give_back(task, &work).await;
                }
                Try::Left
            }
            result = &mut carried_out => self.conclude(task, result, recorded.load(Relaxed), is_new).await,
            end = &mut kept => end,
        }
    }

    /// Makes a request that takes long a record, and keeps the record's lease. → why it shall go on no more
    ///
    /// `recorded` tells whether it may be a record, and is kept so.
    async fn keep_lease(&self, task: &UnderWay, work: &Work, recorded: &AtomicBool) -> Try {
        loop {
            let is_recorded = recorded.load(Relaxed);
            let pause = if is_recorded { self.options.heartbeat } else { self.options.recorded_after };
            tokio::time::sleep(pause).await;
            // From here on nobody can say that it is none.
            recorded.store(true, Relaxed);
            match self.beat(task, work, is_recorded).await {
                Ok(job) if job.state.is_ended() => return Try::Ended(job.state),
                Ok(job) if job.state == JobState::Cancelling => {
                    return Try::Ended(self.remember(&task.request, JobState::Cancelled).await);
                }
                Ok(job) if job.lease.is_none_or(|lease| lease.runner != self.runner) => return Try::Lost,
                Ok(_) => {}
                Err(MetaError::Refused(Refusal::JobTaken(_))) => return Try::Lost,
                Err(error) => {
                    tracing::warn!(%error, id = %task.request.id, "can't tell how far a job is");
                    // It isn't there, and there may be no room for it, so it needn't be one.
                    if let MetaError::Refused(_) = error {
                        recorded.store(false, Relaxed);
                    }
                }
            }
        }
    }

    /// Lets a record's lease lapse at once, so that another runner takes it up.
    async fn give_back(&self, task: &UnderWay, work: &Work) {
        let command = Command::ReportJob(ReportJob {
            job: task.request.id,
            runner: self.runner,
            lease_ms: 0,
            progress: task.progress(),
            checkpoint: work.take_checkpoint(),
        });
        match self.queues.graveler().meta().write(command).await {
            Ok(_) => tracing::info!(id = %task.request.id, "a job is left to another server"),
            Err(error) => tracing::warn!(%error, id = %task.request.id, "a job is left until its lease lapses"),
        }
    }

    /// Makes a request a record, or keeps the record's lease.
    async fn beat(&self, task: &UnderWay, work: &Work, recorded: bool) -> Result<Job, MetaError> {
        let request = &task.request;
        let command = if recorded {
            Command::ReportJob(ReportJob {
                job: request.id,
                runner: self.runner,
                lease_ms: self.lease_ms(),
                progress: task.progress(),
                checkpoint: work.take_checkpoint(),
            })
        } else {
            Command::BeginJob(BeginJob {
                request: request.id,
                repository: request.repository.clone(),
                kind: request.kind,
                user: request.caller.user.id,
                caller: Some(request.caller.kept()),
                spec: request.spec.clone(),
                runner: Some((self.runner, self.lease_ms())),
            })
        };
        Ok(*self.queues.graveler().meta().write(command).await?.job()?)
    }

    /// Turns a result into an end that is remembered, if anybody may ask for it.
    async fn conclude(&self, task: &UnderWay, result: Result<Answer, Error>, recorded: bool, is_new: bool) -> Try {
        let request = &task.request;
        let error = match result {
            Ok(Answer { bytes, is_remembered }) if is_remembered || (is_new && !recorded) => {
                return Try::Ended(JobState::Done(bytes));
            }
            Ok(Answer { bytes, .. }) => return Try::Ended(self.remember(request, JobState::Done(bytes)).await),
            Err(error) => error,
        };
        if error_table::refusal(&error).is_some_and(|refusal| matches!(refusal, Refusal::RequestAnswered(_))) {
            return Try::Lost;
        }
        let failure = error_table::failure(&error);
        match (may_pass(&failure), recorded) {
            // If it was published all the same, it has its answer.
            (true, false) if code(&failure) == Code::Unknown => Try::Again(failure),
            (true, true) => Try::Again(failure),
            // Nothing is remembered: who asks again tries again.
            (true, false) => Try::Ended(JobState::Failed(failure)),
            (false, false) if is_new => Try::Ended(JobState::Failed(failure)),
            (false, _) => Try::Ended(self.remember(request, JobState::Failed(failure)).await),
        }
    }

    /// Writes a request's end down; an end that was there before is the end.
    pub(super) async fn remember(&self, request: &Request, state: JobState) -> JobState {
        let Request { id, kind, caller, spec, .. } = request;
        let (repository, runner) = (request.repository.clone(), self.runner);
        let ended =
            CompletedRequest { id: *id, kind: *kind, user: caller.user.id, spec: spec.clone(), state: state.clone() };
        for attempt in 0..ATTEMPTS_MAX {
            let command =
                Command::EndRequest(EndRequest { repository: repository.clone(), runner, ended: ended.clone() });
            match self.queues.graveler().meta().write(command).await {
                Ok(outcome) => {
                    return match outcome.job() {
                        Ok(job) if job.state.is_ended() => job.state,
                        // A repository that is gone, or a runner that was quicker.
                        Ok(_) | Err(_) => state,
                    };
                }
                Err(error) => tracing::warn!(%error, %id, "can't write down how a request ended"),
            }
            backoff::wait(attempt + 4).await;
        }
        state
    }
}

/// Whether the same request may fare better later, with nothing changed in between. What failed by a bug, so it seems, is
/// among it: the tasks of a server that ends are dropped one after the other, and none of them is the request's end.
fn may_pass(failure: &JobFailure) -> bool {
    failure.may_pass() || code(failure) == Code::Unknown
}

fn attempts_max(kind: JobKind, failure: &JobFailure) -> u32 {
    let is_of = |reasons: &[Reason]| reasons.iter().any(|reason| failure.reason == reason.as_str());
    match kind {
        JobKind::Import if is_of(&[Reason::StorageUnavailable]) => IMPORT_ATTEMPTS_MAX,
        _ if is_of(&[Reason::StorageUnavailable, Reason::StorageDenied, Reason::StorageFull]) => 1,
        _ if code(failure) == Code::Internal => INTERNAL_ATTEMPTS_MAX,
        _ => ATTEMPTS_MAX,
    }
}

fn code(failure: &JobFailure) -> Code {
    Code::from_i32(failure.code.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_store_failed_with_is_tried_again_for_imports_alone() {
        let failed = |code: Code, reason: Reason| JobFailure {
            code: code as u32,
            reason: reason.as_str().to_owned(),
            message: String::new(),
        };
        let silent = failed(Code::Unavailable, Reason::StorageUnavailable);
        for kind in JobKind::ALL {
            let expected = if kind == JobKind::Import { IMPORT_ATTEMPTS_MAX } else { 1 };
            assert_eq!(attempts_max(kind, &silent), expected, "{kind:?}");
            assert_eq!(attempts_max(kind, &failed(Code::Unavailable, Reason::StorageDenied)), 1, "{kind:?}");
            assert_eq!(attempts_max(kind, &failed(Code::Unavailable, Reason::MetadataUnavailable)), ATTEMPTS_MAX);
            assert_eq!(attempts_max(kind, &failed(Code::Internal, Reason::Internal)), INTERNAL_ATTEMPTS_MAX);
        }
    }
}
