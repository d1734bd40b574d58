//! A request to a branch's queue, and its outcome. Owns what a request carries on its way; leaves carrying it out to `batch`.

use std::sync::Arc;

use graveler::{Built, CommitChange, CommitInfo, Conflicts, MergeOptions, Progress, Replay};
use model::{Branch, CommitId, CompletedRequest, JobKind, JobSpec, JobState, RequestId, Timestamp, UserId};
use tokio::sync::oneshot;

use crate::Error;

/// What is stored of a request with an idempotency key once it is carried out: sent again, it has the same answer.
#[derive(Clone)]
pub struct IdempotentRequest {
    /// The idempotency key.
    pub key: RequestId,
    /// What it does.
    pub kind: JobKind,
    /// For whom.
    pub user: UserId,
    /// The request itself: another one under the same key is refused.
    pub spec: JobSpec,
    /// Makes the answer that is stored.
    pub answer: MakeAnswer,
}

/// Makes a request's answer of the commit that came of it.
pub type MakeAnswer = Arc<dyn Fn(&Built) -> Vec<u8> + Send + Sync>;

/// What goes with a request. The default has no idempotency key, and nobody who watches.
#[derive(Clone, Default)]
pub struct RequestContext {
    /// Makes it happen once.
    pub idempotent: Option<IdempotentRequest>,
    /// Counts its work.
    pub progress: Progress,
}

/// What a request does to a branch.
pub(crate) enum Operation {
    /// Commits sealed tokens. The commit's time is `created_at`, or when it is built.
    Commit { sealed: Branch, info: CommitInfo, created_at: Option<Timestamp> },
    /// Merges a commit.
    Merge { source: CommitId, options: MergeOptions, info: CommitInfo },
    /// Reverts or cherry-picks a commit's change.
    Replay { replay: Replay, change: CommitChange, options: MergeOptions, info: CommitInfo },
    /// Appends a commit that was built over `base`.
    Append { built: Built, base: CommitId },
}

/// What came of a request.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// A commit of its own.
    Committed(Built),
    /// Another request's commit holds its changes.
    IncludedIn(CommitId),
    /// The branch, at this head, has all of it.
    UpToDate(CommitId),
    /// The branch has changed the same objects; nothing was changed.
    Conflicts(Conflicts),
}

/// A request in a queue.
pub(super) struct PendingRequest {
    pub(super) operation: Operation,
    pub(super) context: RequestContext,
    /// How many times another server moved the branch first.
    pub(super) attempts: u32,
    /// Whether it gets a publication of its own: one that it shared failed, and it may be the reason.
    pub(super) alone: bool,
    reply: oneshot::Sender<Result<Outcome, Error>>,
}

impl PendingRequest {
    pub(super) fn new(
        operation: Operation,
        context: RequestContext,
    ) -> (Self, oneshot::Receiver<Result<Outcome, Error>>) {
        let (reply, outcome) = oneshot::channel();
        (Self { operation, context, attempts: 0, alone: false, reply }, outcome)
    }

    /// Whether nobody waits for the outcome any more.
    pub(super) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    /// Does some work for the request. Returns `None` once the request is cancelled.
    pub(super) async fn until_cancelled<T>(
        &mut self,
        work: impl AsyncFnOnce(&Operation, &RequestContext) -> T,
    ) -> Option<T> {
        tokio::select! {
            done = work(&self.operation, &self.context) => Some(done),
            () = self.reply.closed() => None,
        }
    }

    /// Answers the request; nothing happens if it is cancelled.
    pub(super) fn reply(self, outcome: Result<Outcome, Error>) {
        let _ = self.reply.send(outcome);
    }

    /// What is stored of it with the publication that carries it out.
    pub(super) fn completed(&self, outcome: &Result<Outcome, Error>) -> Option<CompletedRequest> {
        let (Some(request), Ok(Outcome::Committed(built))) = (&self.context.idempotent, outcome) else { return None };
        let IdempotentRequest { key, kind, user, spec, answer } = request;
        let state = JobState::Done(answer(built));
        Some(CompletedRequest { id: *key, kind: *kind, user: *user, spec: spec.clone(), state })
    }
}
