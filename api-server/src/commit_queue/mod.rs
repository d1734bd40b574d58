//! A merge queue for each branch. Commits, merges and replays into a branch queue here, are built one upon another as a
//! commit chain, and share a publication; so none is refused because another came first. Rebases and hard resets queue
//! too, and have the branch to themselves when their turn comes. To the hosts of git this is a [merge queue], to databases
//! a [group commit].
//!
//! ```text
//! flows/commit.rs          seal       what is staged so far is sealed; writers go on in a new staging token
//!   │ 1
//! Slot::submit             queue      bounded, for each branch
//!   │ 2
//! Worker, Batch::build     build      each commit on top of the one before, over the head as it was read
//!   │ 3
//! CommitChain::settle      settle     trees and commits are durable in the object store
//!   │ 4
//! Command::Publish         publish    compare-and-swap: the branch moves from that head to the last commit, which makes
//!   │ 5                               all of them visible, and consumes their sealed tokens
//! reply                    answer     each request gets its own outcome
//! ```
//!
//! | at | a crash | a cancelled request | a lost race | a lost answer |
//! |---|---|---|---|---|
//! | 1, 2 | sealed tokens stay readable and go into the branch's next commit | the same; its request is dropped when its turn comes | another server's commit includes the tokens: `Outcome::IncludedIn` | of `Seal`: as a crash |
//! | 3, 4 | leaves objects that nothing refers to | the batch is built again without it | the batch is built again over the new head | nothing is visible yet |
//! | 5 | `Publish` was applied or it wasn't; the stored answer of a request with an idempotency key goes with it | it was published | `Publish` is refused and the batch is built again | `Publish` is sent again under its own idempotency key; if its outcome stays unknown, that is the answer |
//!
//! Owns the queues and their bounds; `worker` empties one, `batch` is what one publication carries. Leaves trees to
//! [`graveler::CommitChain`], and what may be asked for to the flows. Each API server has queues of its own; between
//! servers the compare-and-swap decides.
//! Invariant: a request that was submitted gets an answer, and what it changes is published at most once.
//!
//! [merge queue]: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
//! [group commit]: https://dev.mysql.com/doc/refman/8.4/en/commit.html

mod batch;
mod forced;
mod request;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use graveler::{Built, Graveler};
use model::{BranchName, CommitId, Repository, RepositoryUid, SEALED_TOKENS_MAX};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{Error, error_table};
use request::PendingRequest;
pub use request::{IdempotentRequest, MakeAnswer, RequestContext};
pub(crate) use request::{Operation, Outcome};
use worker::Worker;

/// How many requests may wait for one branch.
const WAITING_MAX: usize = 1024;

/// The queues of all branches. Cheap to clone.
#[derive(Clone)]
pub struct CommitQueues {
    inner: Arc<Inner>,
}

struct Inner {
    graveler: Graveler,
    queues: Mutex<HashMap<Key, Queue>>,
    /// The queues of callers who write by force, once there is one.
    forced: OnceLock<CommitQueues>,
}

type Key = (RepositoryUid, BranchName);

/// The sending side of one branch's queue.
#[derive(Clone)]
struct Queue {
    sender: mpsc::Sender<Queued>,
    /// A permit for each slot.
    slots: Arc<Semaphore>,
    /// A permit for each commit that may have sealed tokens: readers look through each.
    sealers: Arc<Semaphore>,
}

/// What is in a queue.
enum Queued {
    /// A request to build and publish.
    Request(Box<PendingRequest>),
    /// A caller who wants the branch to itself.
    Exclusive(oneshot::Sender<ExclusiveSlot>),
}

/// A slot in a branch's queue.
pub(crate) struct Slot {
    queue: Queue,
    _permit: OwnedSemaphorePermit,
}

/// The branch to oneself, as far as this server goes: until this is dropped, the worker does nothing.
pub(crate) struct ExclusiveSlot(
    #[expect(dead_code, reason = "the worker hears that it is dropped")] oneshot::Sender<()>,
);

impl CommitQueues {
    /// Makes an empty set of queues.
    pub fn new(graveler: Graveler) -> Self {
        Self { inner: Arc::new(Inner { graveler, queues: Mutex::default(), forced: OnceLock::new() }) }
    }

    /// Returns the queues, and the way to read and write, of requests that may write to read-only repositories. They are
    /// apart from the others', as another server's are.
    pub(crate) fn by_force(&self, force: bool) -> Self {
        if !force {
            return self.clone();
        }
        let graveler = self.graveler();
        let forced = || Self::new(graveler.over(Arc::new(forced::Forced(graveler.shared_meta()))));
        self.inner.forced.get_or_init(forced).clone()
    }

    /// Returns what the flows read with.
    pub fn graveler(&self) -> &Graveler {
        &self.inner.graveler
    }

    /// Publishes a commit, an import's for instance, that was built over `base`. If the branch's head has moved since, its
    /// change is applied over the head; where the branch changed the same object, the commit's is taken. What is
    /// uncommitted stays uncommitted. Returns the commit as it was published.
    pub async fn append(
        &self,
        repository: &Repository,
        branch: &BranchName,
        built: Built,
        base: CommitId,
        context: &RequestContext,
    ) -> Result<Built, Error> {
        match self.reserve_slot(repository, branch)?.submit(Operation::Append { built, base }, context).await? {
            Outcome::Committed(built) => Ok(built),
            Outcome::IncludedIn(_) | Outcome::UpToDate(_) | Outcome::Conflicts(_) => {
                Err(error_table::internal("a commit was appended and isn't there"))
            }
        }
    }

    /// Reserves a slot in a branch's queue.
    ///
    /// # Errors
    /// [`Error::Busy`] when the queue is full.
    pub(crate) fn reserve_slot(&self, repository: &Repository, branch: &BranchName) -> Result<Slot, Error> {
        let mut queues = self.lock();
        let key = (repository.uid, branch.clone());
        let queue = match queues.get(&key) {
            Some(queue) if !queue.sender.is_closed() => queue.clone(),
            _ => {
                let queue = self.open(repository, branch);
                queues.insert(key, queue.clone());
                queue
            }
        };
        let permit = Arc::clone(&queue.slots).try_acquire_owned().map_err(|_| Error::Busy(branch.clone()))?;
        Ok(Slot { queue, _permit: permit })
    }

    fn open(&self, repository: &Repository, branch: &BranchName) -> Queue {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(Worker::new(self.clone(), repository.clone(), branch.clone(), receiver).run());
        let slots = Arc::new(Semaphore::new(WAITING_MAX));
        Queue { sender, slots, sealers: Arc::new(Semaphore::new(SEALED_TOKENS_MAX)) }
    }

    /// Closes a queue without slots in use. Returns whether it had none.
    fn close(&self, repository: &Repository, branch: &BranchName) -> bool {
        let mut queues = self.lock();
        let key = (repository.uid, branch.clone());
        let is_unused = queues.get(&key).is_none_or(|queue| queue.slots.available_permits() == WAITING_MAX);
        if is_unused {
            queues.remove(&key);
        }
        is_unused
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Queue>> {
        self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Waits until one more commit may seal tokens.
    pub(crate) async fn may_seal(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.queue.sealers).acquire_owned().await.map_err(|_| worker_is_gone())
    }

    /// Queues a request and waits for its outcome. Dropping the future cancels the request, unless it was published.
    pub(crate) async fn submit(&self, operation: Operation, context: &RequestContext) -> Result<Outcome, Error> {
        let (request, outcome) = PendingRequest::new(operation, context.clone());
        self.queue.sender.send(Queued::Request(Box::new(request))).await.map_err(|_| worker_is_gone())?;
        outcome.await.map_err(|_| worker_is_gone())?
    }

    /// Waits until the branch is the caller's alone: for what moves the branch elsewhere, and can't be built upon others'
    /// commits.
    pub(crate) async fn exclusive(&self) -> Result<ExclusiveSlot, Error> {
        let (sender, slot) = oneshot::channel();
        self.queue.sender.send(Queued::Exclusive(sender)).await.map_err(|_| worker_is_gone())?;
        slot.await.map_err(|_| worker_is_gone())
    }
}

/// A worker ends before its requests only with its server, or by a bug. Neither says anything of the request.
fn worker_is_gone() -> Error {
    Error::Ending
}
