//! Empties one branch's queue. Owns the order and the size of batches, and who tries again; `part` builds and publishes.
//! Invariant: whoever was taken from the queue is answered before this ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use graveler::Chain;
use model::{BranchName, Command, Refusal, Repository, StagingToken};
use tokio::sync::{mpsc, oneshot};

use super::part::{Part, Published, Share};
use super::{Asked, Lines, Step, Turn, Waiting};
use crate::{Error, backoff, error_table};

/// How many requests one publication carries at most.
const BATCH_MAX: usize = Command::ENDED_MAX;
/// After so long, what is built is published before more is built: the small don't wait for the large.
const BUILDING_TIME_MAX: Duration = Duration::from_millis(100);
/// With so many bytes of requests and answers it is published too: an entry of the log holds up those after it.
const PUBLICATION_BYTES_MAX: usize = 1 << 20;
/// How often a request is built anew over a head that other servers moved.
const ATTEMPTS_MAX: u32 = 32;
/// How long an empty queue stays open.
const IDLE: Duration = Duration::from_secs(5);

pub(super) struct Line {
    lines: Lines,
    repository: Repository,
    branch: BranchName,
    waiting: mpsc::Receiver<Asked>,
    /// What was built last, if the branch is still there.
    chain: Option<Chain>,
}

impl Line {
    pub(super) fn new(
        lines: Lines,
        repository: Repository,
        branch: BranchName,
        waiting: mpsc::Receiver<Asked>,
    ) -> Self {
        Self { lines, repository, branch, waiting, chain: None }
    }

    /// Carries out requests until none has come for a while.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            match tokio::time::timeout(IDLE, self.waiting.recv_many(&mut batch, BATCH_MAX)).await {
                Ok(0) => return,
                Ok(_) => {
                    let (todo, turns) = in_order(&mut batch);
                    self.carry_out(todo).await;
                    for turn in turns {
                        give(turn).await;
                    }
                }
                Err(_) if self.lines.close(&self.repository, &self.branch) => return,
                Err(_) => {}
            }
        }
    }

    /// Builds and publishes until all are answered.
    async fn carry_out(&mut self, mut todo: VecDeque<Waiting>) {
        while !todo.is_empty() {
            let chain = self.chain.take();
            let (chain, part) = match Part::begin(&self.lines, &self.repository, &self.branch, chain).await {
                Ok(begun) => begun,
                Err(error) => return fail_all(todo, &error),
            };
            self.chain = self.next_part(chain, part, &mut todo).await;
        }
    }

    /// One publication. Those that must try again go back to the front.
    async fn next_part(&self, mut chain: Chain, mut part: Part, todo: &mut VecDeque<Waiting>) -> Option<Chain> {
        let begun = Instant::now();
        while let Some(waiting) = todo.pop_front_if(|next| part.len() == 0 || !next.alone) {
            let alone = waiting.alone;
            if let Err(waiting) = part.build(&mut chain, waiting).await {
                return self.try_again(part.into_waiting().chain([*waiting]), todo, chain).await;
            }
            if alone || part.bytes() > PUBLICATION_BYTES_MAX || begun.elapsed() > BUILDING_TIME_MAX {
                break;
            }
        }
        match part.publish(&chain).await {
            Ok(Published::Yes) => {
                part.answer();
                Some(chain)
            }
            Ok(Published::TakenBack) => {
                put_back(part.into_waiting(), todo);
                None
            }
            Ok(Published::Beaten) => self.try_again(part.into_waiting(), todo, chain).await,
            Err(error) => {
                without_concerned(part, todo, &error);
                None
            }
        }
    }

    /// Puts all back that have not tried too often, and waits a little.
    async fn try_again(
        &self,
        beaten: impl Iterator<Item = Waiting>,
        todo: &mut VecDeque<Waiting>,
        chain: Chain,
    ) -> Option<Chain> {
        let beaten = beaten.map(|waiting| Waiting { attempts: waiting.attempts + 1, ..waiting });
        let (left, over): (Vec<_>, Vec<_>) = beaten.partition(|waiting| waiting.attempts < ATTEMPTS_MAX);
        for waiting in over {
            let _ = waiting.reply.send(Err(Error::Contended(self.branch.clone())));
        }
        let attempts = left.iter().map(|waiting| waiting.attempts).max();
        put_back(left.into_iter(), todo);
        if let Some(attempts) = attempts {
            backoff::wait(attempts - 1).await;
        }
        Some(chain)
    }
}

/// Commits first, in the order in which they sealed, so that each commits its own; turns last.
fn in_order(batch: &mut Vec<Asked>) -> (VecDeque<Waiting>, Vec<oneshot::Sender<Turn>>) {
    let (mut todo, mut turns) = (Vec::with_capacity(batch.len()), Vec::new());
    for asked in batch.drain(..) {
        match asked {
            Asked::Step(waiting) => todo.push(*waiting),
            Asked::Turn(turn) => turns.push(turn),
        }
    }
    todo.sort_by_key(|waiting| match &waiting.step {
        Step::Commit { sealed, .. } => (0, sealed.sealed.first().copied()),
        _ => (1, None::<StagingToken>),
    });
    (todo.into(), turns)
}

/// Lets somebody have the branch, and waits until they are done with it or gone.
async fn give(turn: oneshot::Sender<Turn>) {
    let (held, dropped) = oneshot::channel();
    if turn.send(Turn(held)).is_ok() {
        let _ = dropped.await;
    }
}

fn put_back(waiting: impl Iterator<Item = Waiting>, todo: &mut VecDeque<Waiting>) {
    let behind = std::mem::take(todo);
    todo.extend(waiting);
    todo.extend(behind);
}

/// Answers those whom a failure concerns; the others try again without them. If it may be the fault of any one commit,
/// each finds out by a publication of its own.
fn without_concerned(part: Part, todo: &mut VecDeque<Waiting>, error: &Error) {
    let apart = part.len() > 1 && error_table::may_be_one_s_fault(error);
    let is_the_only_commit = part.commits() == 1;
    let is_concerned = |share: &Share| match error_table::refusal(error) {
        Some(Refusal::DirtyBranch(_)) => share.needs_clean,
        Some(Refusal::RequestAnswered(id) | Refusal::RequestReused(id)) => {
            share.waiting.errand.ticket.as_ref().is_some_and(|ticket| ticket.id == *id)
        }
        _ => !apart || (is_the_only_commit && share.is_commit),
    };
    let mut others = Vec::new();
    for share in part.into_built() {
        if is_concerned(&share) {
            let _ = share.waiting.reply.send(Err(error.again()));
        } else {
            others.push(Waiting { alone: share.waiting.alone || apart, ..share.waiting });
        }
    }
    put_back(others.into_iter(), todo);
}

fn fail_all(all: VecDeque<Waiting>, error: &Error) {
    for waiting in all {
        let _ = waiting.reply.send(Err(error.again()));
    }
}
