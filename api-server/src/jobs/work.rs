//! What each kind of job does: its request is a message of the public API, and so is its answer. A kind has a file of
//! its own, and one arm in each function here.

use std::sync::{Arc, Mutex, PoisonError};

use auth::Caller;
use graveler::{Built, Progress};
use model::{BranchName, JobKind, RequestId};
use prost::Message;
use proto::generated::api as wire;

use super::{Request, commit, import, merge, refs};
use crate::Error;
use crate::commit_queue::{CommitQueues, IdempotentRequest, RequestContext};

/// A request as it is carried out.
pub struct Work {
    /// The way onto branches, and all that reads.
    pub queues: CommitQueues,
    /// For whom.
    pub caller: Caller,
    /// Its id.
    pub id: RequestId,
    /// What it does.
    pub kind: JobKind,
    /// The request, encoded.
    pub spec: Vec<u8>,
    /// Where it counts what it does.
    pub progress: Progress,
    /// What a run before this one left, if there was one.
    pub checkpoint: Vec<u8>,
    left: Mutex<Option<Vec<u8>>>,
}

/// An answer of the public API, encoded.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// Whether the publication wrote it down already.
    pub(crate) is_remembered: bool,
}

impl Work {
    pub(super) fn new(queues: CommitQueues, request: &Request, checkpoint: Vec<u8>) -> Self {
        Self {
            queues,
            caller: request.caller.clone(),
            id: request.id,
            kind: request.kind,
            spec: request.spec.clone(),
            progress: request.progress.clone(),
            checkpoint,
            left: Mutex::default(),
        }
    }

    /// Reads the request.
    pub fn request<T: Message + Default>(&self) -> Result<T, Error> {
        decode(&self.spec)
    }

    /// Leaves something for the next runner, should this one die; written down with the next heartbeat. At most
    /// [`model::CHECKPOINT_BYTES_MAX`].
    pub fn keep_checkpoint(&self, bytes: Vec<u8>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    pub(super) fn take_checkpoint(&self) -> Option<Vec<u8>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What has the request's answer stored with the publication that carries it out.
    pub fn context(&self, answer: impl Fn(&Built) -> Vec<u8> + Send + Sync + 'static) -> RequestContext {
        let idempotent = IdempotentRequest {
            key: self.id,
            kind: self.kind,
            user: self.caller.user.id,
            spec: self.spec.clone(),
            answer: Arc::new(answer),
        };
        RequestContext { idempotent: Some(idempotent), progress: self.progress.clone() }
    }
}

/// Does it.
pub(super) async fn carry_out(work: &Work) -> Result<Answer, Error> {
    match work.kind {
        JobKind::Commit => commit::carry_out(work).await,
        JobKind::Merge => merge::carry_out(work).await,
        JobKind::Import => import::carry_out(work).await,
        JobKind::DumpRefs => refs::dump(work).await,
        JobKind::RestoreRefs => refs::restore(work).await,
    }
}

/// Refuses what can be refused at once.
pub(super) fn check(caller: &Caller, kind: JobKind, spec: &[u8]) -> Result<(), Error> {
    match kind {
        JobKind::Commit => commit::check(caller, spec),
        JobKind::Merge => merge::check(caller, spec),
        JobKind::Import => import::check(caller, spec),
        JobKind::DumpRefs => refs::check_dump(caller, spec),
        JobKind::RestoreRefs => refs::check_restore(caller, spec),
    }
}

/// The branch that a request of this kind moves; `None` if it is about all refs of a repository.
pub(super) fn branch(kind: JobKind, spec: &[u8]) -> Option<BranchName> {
    let name = match kind {
        JobKind::Commit => decode::<wire::CreateCommitRequest>(spec).ok()?.branch,
        JobKind::Merge => decode::<wire::MergeRequest>(spec).ok()?.destination,
        JobKind::Import => decode::<wire::ImportRequest>(spec).ok()?.branch,
        JobKind::DumpRefs | JobKind::RestoreRefs => return None,
    };
    name.parse().ok()
}

pub(crate) fn decode<T: Message + Default>(spec: &[u8]) -> Result<T, Error> {
    T::decode(spec).map_err(|error| graveler::Error::Internal(format!("a job's request or answer: {error}")).into())
}
