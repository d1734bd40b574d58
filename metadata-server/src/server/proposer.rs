//! The in-process `MetaStore`: stamps commands with the leader's time and proposes them in batches. Owns the queue and
//! its bounds. Invariant: stamps go back only when the clock was set back by more than [`SET_BACK_MAX_MS`], and a command that was queued is answered, if only with "unknown".

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use model::{Answer, Clock, Command, MetaError, MetaStore, Outcome, Query, Stage, Timestamp};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::supervisor::{Answering, Supervisor};
use crate::command::check_bounds;
use crate::raft::{Proposal, ReadEnd};

/// How many changes may wait or be under way, which bounds memory: a command counts for the changes that it holds.
const CHANGES_MAX: u32 = 32_768;
/// How many commands one proposal holds.
const BATCH_COMMANDS_MAX: usize = 1024;
/// How many proposals are under way at once: while they are, commands gather for the next. One leaves the disk idle
/// while results are passed on; more than two make smaller groups for each fsync and are no faster.
const BATCHES_MAX: usize = 2;
/// How long a command may take before its caller is told that its outcome is unknown.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a question may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// By how much a clock may be set back without stamps: they stand still until it has caught up, and with them all that
/// waits for time to pass. One that ran further ahead was wrong, and what it stamped is for the state to bear.
const SET_BACK_MAX_MS: u64 = 5_000;

/// A command that waits for its batch.
struct Pending {
    command: Command,
    caller: Caller,
}

/// Who waits for an outcome, and the room in the queue that goes free with it.
struct Caller {
    reply: oneshot::Sender<Result<Outcome, MetaError>>,
    _room: OwnedSemaphorePermit,
}

impl Caller {
    fn answer(self, outcome: Result<Outcome, MetaError>) {
        // A caller who gave up meanwhile doesn't listen any more.
        drop(self.reply.send(outcome));
    }
}

/// Takes commands and questions for whichever node serves now.
pub(super) struct Proposer {
    supervisor: Arc<Supervisor>,
    queue: mpsc::Sender<Pending>,
    room: Arc<Semaphore>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Proposer {
    /// Starts the task that makes batches.
    pub(super) fn start(supervisor: Arc<Supervisor>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (queue, pending) = mpsc::channel(CHANGES_MAX as usize);
        let task = tokio::spawn(propose_all(supervisor.clone(), clock, pending));
        let room = Arc::new(Semaphore::new(CHANGES_MAX as usize));
        Arc::new(Self { supervisor, queue, room, task: Mutex::new(Some(task)) })
    }

    /// Waits for the end of the task, which comes after [`Supervisor::stop`].
    pub(super) async fn stopped(&self) {
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "the task that makes batches didn't end well");
        }
    }

    async fn submit(&self, command: Command) -> Result<Outcome, MetaError> {
        // Down already: don't let commands gather.
        self.supervisor.node()?;
        let weight = weight(&command);
        let room = self.room.clone().acquire_many_owned(weight).await.map_err(|_| stopping())?;
        let (reply, outcome) = oneshot::channel();
        let pending = Pending { command, caller: Caller { reply, _room: room } };
        self.queue.send(pending).await.map_err(|_| stopping())?;
        outcome.await.unwrap_or_else(|_| Err(MetaError::OutcomeUnknown("the service stopped meanwhile".into())))
    }
}

impl Proposer {
    /// Answers a question, by another life if the first one ends meanwhile.
    async fn answer(&self, query: Query) -> Result<Answer, MetaError> {
        let mut ended = None;
        loop {
            let node = match self.supervisor.answering(ended.as_ref()).await? {
                Answering::Node(node) => node,
                Answering::LastState(state) => return state.read(query).await,
            };
            match node.read(query.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(ReadEnd::Failed(error)) => return Err(error),
                Err(ReadEnd::Ended) => ended = Some(node),
            }
        }
    }
}

#[async_trait]
impl MetaStore for Proposer {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        check_bounds(&command)?;
        match tokio::time::timeout(WRITE_TIMEOUT, self.submit(command)).await {
            Ok(result) => result,
            Err(_) => Err(MetaError::OutcomeUnknown(format!("no answer within {WRITE_TIMEOUT:?}"))),
        }
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        match tokio::time::timeout(READ_TIMEOUT, self.answer(query)).await {
            Ok(result) => result,
            Err(_) => Err(MetaError::Unavailable(format!("no answer within {READ_TIMEOUT:?}"))),
        }
    }
}

/// Makes batches until stopped: waits for room, takes what has gathered, stamps it, proposes it.
async fn propose_all(supervisor: Arc<Supervisor>, clock: Arc<dyn Clock>, mut pending: mpsc::Receiver<Pending>) {
    let batches = Arc::new(Semaphore::new(BATCHES_MAX));
    let mut last = Timestamp::default();
    loop {
        let batch_room = batches.clone().acquire_owned().await.expect("because it is never closed");
        let mut batch = Vec::new();
        tokio::select! {
            count = pending.recv_many(&mut batch, BATCH_COMMANDS_MAX) => if count == 0 { return },
            () = supervisor.stopped() => break,
        }
        last = stamp(last, clock.now());
        propose(&supervisor, last, batch, batch_room).await;
    }
    pending.close();
    while let Some(pending) = pending.recv().await {
        pending.caller.answer(Err(stopping()));
    }
}

/// The stamp of a batch after one that was stamped `last`.
fn stamp(last: Timestamp, now: Timestamp) -> Timestamp {
    if last > now.plus_millis(SET_BACK_MAX_MS) { now } else { last.max(now) }
}

/// Hands one batch to Raft, here so that batches keep the order of their stamps; a task of its own passes on the
/// results.
async fn propose(supervisor: &Supervisor, at: Timestamp, batch: Vec<Pending>, batch_room: OwnedSemaphorePermit) {
    let (mut proposals, mut callers) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
    for Pending { command, caller } in batch {
        proposals.push(Proposal::new(at, command));
        callers.push(caller);
    }
    let proposed = match supervisor.node() {
        Ok(node) => node.propose(proposals).await,
        Err(error) => Err(error),
    };
    match proposed {
        Ok(mut outcomes) => {
            tokio::spawn(async move {
                for caller in callers {
                    let outcome = outcomes.next().await;
                    caller.answer(outcome.unwrap_or_else(|| Err(MetaError::OutcomeUnknown("Raft stopped".into()))));
                }
                drop(batch_room);
            });
        }
        Err(error) => callers.into_iter().for_each(|caller| caller.answer(Err(error.clone()))),
    }
}

/// How many changes a command counts for.
fn weight(command: &Command) -> u32 {
    match command {
        Command::Stage(Stage { changes, .. }) => {
            u32::try_from(changes.len()).unwrap_or(CHANGES_MAX).clamp(1, CHANGES_MAX)
        }
        Command::Forced(command) => weight(command),
        _ => 1,
    }
}

fn stopping() -> MetaError {
    MetaError::Unavailable("the metadata service was stopped".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_stand_still_for_a_clock_that_is_set_back_a_little_and_follow_one_that_ran_ahead() {
        let at = |seconds: i64| Timestamp::from_millis(1_790_000_000_000 + seconds * 1000);
        assert_eq!(stamp(at(0), at(1)), at(1));
        assert_eq!(stamp(at(5), at(0)), at(5));
        assert_eq!(stamp(at(6), at(0)), at(0));
        assert_eq!(stamp(Timestamp::default(), at(0)), at(0));
    }
}
