//! Empties one branch's queue. Owns the order and the size of batches, and which requests are tried again; `batch` builds and
//! publishes. Invariant: every request that was taken from the queue is answered before the worker ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use graveler::CommitChain;
use model::{BranchName, Command, Refusal, Repository, StagingToken};
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, BatchedRequest, Published};
use super::{CommitQueues, ExclusiveSlot, Operation, PendingRequest, Queued};
use crate::{Error, backoff, error_table};

/// How many requests one publication carries at most.
const BATCH_MAX: usize = Command::ENDED_MAX;
/// After so long, what is built is published before more is built: small requests don't wait for large ones.
const BUILDING_TIME_MAX: Duration = Duration::from_millis(100);
/// With so many bytes of requests and answers it is published too: an entry of the log holds up those after it.
const PUBLICATION_BYTES_MAX: usize = 1 << 20;
/// How many times a request is built over heads that other servers moved.
const ATTEMPTS_MAX: u32 = 32;
/// How long an empty queue stays open.
const IDLE: Duration = Duration::from_secs(5);

pub(super) struct Worker {
    queues: CommitQueues,
    repository: Repository,
    branch: BranchName,
    receiver: mpsc::Receiver<Queued>,
    /// What was built last: the next batch goes on from it.
    chain: Option<CommitChain>,
}

impl Worker {
    pub(super) fn new(
        queues: CommitQueues,
        repository: Repository,
        branch: BranchName,
        receiver: mpsc::Receiver<Queued>,
    ) -> Self {
        Self { queues, repository, branch, receiver, chain: None }
    }

    /// Carries out requests until none has come for a while.
    pub(super) async fn run(mut self) {
        let mut queued = Vec::with_capacity(BATCH_MAX);
        loop {
            match tokio::time::timeout(IDLE, self.receiver.recv_many(&mut queued, BATCH_MAX)).await {
                Ok(0) => return,
                Ok(_) => {
                    let (pending, exclusive) = in_order(&mut queued);
                    self.carry_out(pending).await;
                    for caller in exclusive {
                        grant(caller).await;
                    }
                }
                Err(_) if self.queues.close(&self.repository, &self.branch) => return,
                Err(_) => {}
            }
        }
    }

    /// Builds and publishes batches until all requests are answered.
    async fn carry_out(&mut self, mut pending: VecDeque<PendingRequest>) {
        while !pending.is_empty() {
            let chain = self.chain.take();
            let (chain, batch) = match Batch::begin(&self.queues, &self.repository, &self.branch, chain).await {
                Ok(begun) => begun,
                Err(error) => return fail_all(pending, &error),
            };
            self.chain = self.next_batch(chain, batch, &mut pending).await;
        }
    }

    /// Builds and publishes one batch. Requests that must be tried again go back to the front.
    async fn next_batch(
        &self,
        mut chain: CommitChain,
        mut batch: Batch,
        pending: &mut VecDeque<PendingRequest>,
    ) -> Option<CommitChain> {
        let begun = Instant::now();
        while let Some(request) = pending.pop_front_if(|next| batch.len() == 0 || !next.alone) {
            let alone = request.alone;
            if let Err(request) = batch.build(&mut chain, request).await {
                return self.try_again(batch.into_requests().chain([*request]), pending, chain).await;
            }
            if let Some(error) = batch.silence() {
                // Each of those who wait would find that out in turn, after as long.
                fail_all(std::mem::take(pending), &error);
                break;
            }
            if alone || batch.bytes() > PUBLICATION_BYTES_MAX || begun.elapsed() > BUILDING_TIME_MAX {
                break;
            }
        }
        match batch.publish(&chain).await {
            Ok(Published::Yes) => {
                batch.reply();
                Some(chain)
            }
            Ok(Published::Cancelled) => {
                put_back(batch.into_requests(), pending);
                None
            }
            Ok(Published::HeadMoved) => self.try_again(batch.into_requests(), pending, chain).await,
            Err(error) => {
                fail_concerned(batch, pending, &error);
                None
            }
        }
    }

    /// Puts back the requests that have attempts left, and waits a little.
    async fn try_again(
        &self,
        requests: impl Iterator<Item = PendingRequest>,
        pending: &mut VecDeque<PendingRequest>,
        chain: CommitChain,
    ) -> Option<CommitChain> {
        let requests = requests.map(|mut request| {
            request.attempts += 1;
            request
        });
        let (left, over): (Vec<_>, Vec<_>) = requests.partition(|request| request.attempts < ATTEMPTS_MAX);
        for request in over {
            request.reply(Err(Error::Contended(self.branch.clone())));
        }
        let attempts = left.iter().map(|request| request.attempts).max();
        put_back(left.into_iter(), pending);
        if let Some(attempts) = attempts {
            backoff::wait(attempts - 1).await;
        }
        Some(chain)
    }
}

/// Sorts commits first, in the order in which they sealed, so that each commits its own; callers who want the branch to
/// themselves come last.
fn in_order(queued: &mut Vec<Queued>) -> (VecDeque<PendingRequest>, Vec<oneshot::Sender<ExclusiveSlot>>) {
    let (mut pending, mut exclusive) = (Vec::with_capacity(queued.len()), Vec::new());
    for queued in queued.drain(..) {
        match queued {
            Queued::Request(request) => pending.push(*request),
            Queued::Exclusive(caller) => exclusive.push(caller),
        }
    }
    pending.sort_by_key(|request| match &request.operation {
        Operation::Commit { sealed, .. } => (0, sealed.sealed.first().copied()),
        _ => (1, None::<StagingToken>),
    });
    (pending.into(), exclusive)
}

/// Gives a caller the branch, and waits until it is given back.
async fn grant(caller: oneshot::Sender<ExclusiveSlot>) {
    let (held, dropped) = oneshot::channel();
    if caller.send(ExclusiveSlot(held)).is_ok() {
        let _ = dropped.await;
    }
}

fn put_back(requests: impl Iterator<Item = PendingRequest>, pending: &mut VecDeque<PendingRequest>) {
    let later = std::mem::take(pending);
    pending.extend(requests);
    pending.extend(later);
}

/// Answers the requests that a failed publication concerns; the others are tried again without them. Where any one commit
/// may be the reason, each gets a publication of its own to find out.
fn fail_concerned(batch: Batch, pending: &mut VecDeque<PendingRequest>, error: &Error) {
    let apart = batch.len() > 1 && error_table::may_be_one_s_fault(error);
    let is_the_only_commit = batch.commits() == 1;
    let is_concerned = |batched: &BatchedRequest| match error_table::refusal(error) {
        Some(Refusal::DirtyBranch(_)) => batched.needs_clean,
        Some(Refusal::RequestAnswered(key) | Refusal::RequestReused(key)) => {
            batched.request.context.idempotent.as_ref().is_some_and(|idempotent| idempotent.key == *key)
        }
        _ => !apart || (is_the_only_commit && batched.is_commit),
    };
    let mut others = Vec::new();
    for mut batched in batch.into_batched() {
        if is_concerned(&batched) {
            batched.request.reply(Err(error.duplicate()));
        } else {
            batched.request.alone |= apart;
            others.push(batched.request);
        }
    }
    put_back(others.into_iter(), pending);
}

fn fail_all(pending: VecDeque<PendingRequest>, error: &Error) {
    for request in pending {
        request.reply(Err(error.duplicate()));
    }
}
