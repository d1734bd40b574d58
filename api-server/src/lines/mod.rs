//! One bounded queue for each branch: commits, merges and replays into a branch wait here for their turn, are built one
//! upon another, and share publications; rebases and hard resets wait here too, and publish by themselves. So none of
//! them is bounced because another came first.
//!
//! Owns the queues and their bounds; `line` empties one, `part` is what one publication carries. Leaves trees to
//! `graveler`'s chains, and what may be asked for to the flows. Several API servers have queues of their own: the
//! compare-and-swap of `Publish` decides between them, and who is beaten builds again over the new head.
//! Invariant: a request that entered gets an answer, and what it changes is published at most once.

mod forced;
mod line;
mod part;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use graveler::{Built, CommitChange, CommitInfo, Conflicts, Graveler, MergeOptions, Progress, Replay};
use model::{
    Branch, BranchName, CommitId, JobKind, Repository, RepositoryUid, RequestId, SEALED_TOKENS_MAX, Timestamp, UserId,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{Error, error_table};
use line::Line;

/// How many requests may wait for one branch.
const WAITING_MAX: usize = 1024;

/// The queues of all branches. Cheap to clone.
#[derive(Clone)]
pub struct Lines {
    inner: Arc<Inner>,
}

struct Inner {
    graveler: Graveler,
    lines: Mutex<HashMap<Key, Handle>>,
    /// Those of who writes by force, once somebody does.
    forced: OnceLock<Lines>,
}

type Key = (RepositoryUid, BranchName);

/// One branch's queue, from outside.
#[derive(Clone)]
struct Handle {
    queue: mpsc::Sender<Asked>,
    /// Who may be inside.
    room: Arc<Semaphore>,
    /// Commits that may have sealed tokens: readers look through each.
    sealers: Arc<Semaphore>,
}

/// A request with what is remembered of it once it is carried out.
#[derive(Clone)]
pub struct Ticket {
    /// Its id.
    pub id: RequestId,
    /// What it does.
    pub kind: JobKind,
    /// For whom.
    pub user: UserId,
    /// The request as it is remembered.
    pub spec: Vec<u8>,
    /// Makes the answer of the commit that it came to.
    pub answer: MakeAnswer,
}

/// Makes a request's answer of the commit that it came to, as it is remembered.
pub type MakeAnswer = Arc<dyn Fn(&Built) -> Vec<u8> + Send + Sync>;

/// What goes with a request: how it is remembered, and who watches it. The default is neither.
#[derive(Clone, Default)]
pub struct Errand {
    /// Makes it happen once.
    pub ticket: Option<Ticket>,
    /// Counts its work.
    pub progress: Progress,
}

/// What a request wants of a branch.
pub(crate) enum Step {
    /// To commit the tokens that were sealed when it came; made now, unless it says when.
    Commit { sealed: Branch, info: CommitInfo, made_at: Option<Timestamp> },
    /// To merge a commit.
    Merge { source: CommitId, options: MergeOptions, info: CommitInfo },
    /// To replay a commit's change.
    Replay { replay: Replay, change: CommitChange, options: MergeOptions, info: CommitInfo },
    /// To take a commit that was built over a head of the past.
    Graft { built: Built, over: CommitId },
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) enum Placed {
    /// It is a commit of the branch.
    Built(Built),
    /// Another request's commit holds its changes.
    TakenAlong(CommitId),
    /// The branch, at this head, has all of it.
    UpToDate(CommitId),
    /// The branch has changed the same objects; nothing was changed.
    Conflicts(Conflicts),
}

/// What is in a queue.
enum Asked {
    /// To be built and published by the line.
    Step(Box<Waiting>),
    /// To have the branch for itself.
    Turn(oneshot::Sender<Turn>),
}

/// The branch for oneself, as far as this server goes: until this is dropped, the line does nothing.
pub(crate) struct Turn(#[expect(dead_code, reason = "who waits hears that it is dropped")] oneshot::Sender<()>);

/// A request in a queue.
struct Waiting {
    step: Step,
    errand: Errand,
    /// How often others moved the branch before it could.
    attempts: u32,
    /// Whether it gets a publication of its own, since one that it shared failed for a reason that may be its own.
    alone: bool,
    reply: oneshot::Sender<Result<Placed, Error>>,
}

/// A place in a branch's queue.
pub(crate) struct Place {
    handle: Handle,
    _room: OwnedSemaphorePermit,
}

impl Lines {
    /// Makes the queues; there are none yet.
    pub fn new(graveler: Graveler) -> Self {
        Self { inner: Arc::new(Inner { graveler, lines: Mutex::default(), forced: OnceLock::new() }) }
    }

    /// Queues, and a way to read and write, for a request that may write to repositories that take no writes. They are
    /// apart from the others', as another server's are.
    pub(crate) fn by_force(&self, force: bool) -> Self {
        if !force {
            return self.clone();
        }
        let graveler = self.graveler();
        let forced = || Self::new(graveler.over(Arc::new(forced::Forced(graveler.shared_meta()))));
        self.inner.forced.get_or_init(forced).clone()
    }

    /// What the flows read with.
    pub fn graveler(&self) -> &Graveler {
        &self.inner.graveler
    }

    /// Publishes a commit that was built over a head of the past, an import's for instance: in its turn, and made again
    /// over the branch's head if that has moved. Where the branch changed an object meanwhile, the commit's is taken; what
    /// is uncommitted stays uncommitted. → the commit as it was published
    pub async fn graft(
        &self,
        repository: &Repository,
        branch: &BranchName,
        built: Built,
        over: CommitId,
        errand: &Errand,
    ) -> Result<Built, Error> {
        match self.enter(repository, branch)?.carry_out(Step::Graft { built, over }, errand).await? {
            Placed::Built(built) => Ok(built),
            Placed::TakenAlong(_) | Placed::UpToDate(_) | Placed::Conflicts(_) => {
                Err(error_table::internal("a graft came to no commit"))
            }
        }
    }

    /// Takes a place in a branch's queue, if it isn't full.
    pub(crate) fn enter(&self, repository: &Repository, branch: &BranchName) -> Result<Place, Error> {
        let mut lines = self.lock();
        let key = (repository.uid, branch.clone());
        let handle = match lines.get(&key) {
            Some(handle) if !handle.queue.is_closed() => handle.clone(),
            _ => {
                let handle = self.open(repository, branch);
                lines.insert(key, handle.clone());
                handle
            }
        };
        let room = Arc::clone(&handle.room).try_acquire_owned().map_err(|_| Error::Busy(branch.clone()))?;
        Ok(Place { handle, _room: room })
    }

    fn open(&self, repository: &Repository, branch: &BranchName) -> Handle {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let line = Line::new(self.clone(), repository.clone(), branch.clone(), waiting);
        tokio::spawn(line.run());
        let room = Arc::new(Semaphore::new(WAITING_MAX));
        Handle { queue, room, sealers: Arc::new(Semaphore::new(SEALED_TOKENS_MAX)) }
    }

    /// Closes a queue that nobody is in. False if somebody is.
    fn close(&self, repository: &Repository, branch: &BranchName) -> bool {
        let mut lines = self.lock();
        let key = (repository.uid, branch.clone());
        let empty = lines.get(&key).is_none_or(|handle| handle.room.available_permits() == WAITING_MAX);
        if empty {
            lines.remove(&key);
        }
        empty
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Handle>> {
        self.inner.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until one more commit may seal tokens.
    pub(crate) async fn sealing(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.handle.sealers).acquire_owned().await.map_err(|_| gone())
    }

    /// Waits until a request is carried out. Who drops this takes the request back, unless it was published.
    pub(crate) async fn carry_out(&self, step: Step, errand: &Errand) -> Result<Placed, Error> {
        let (reply, replied) = oneshot::channel();
        let waiting = Waiting { step, errand: errand.clone(), attempts: 0, alone: false, reply };
        self.handle.queue.send(Asked::Step(Box::new(waiting))).await.map_err(|_| gone())?;
        replied.await.map_err(|_| gone())?
    }

    /// Waits for a turn of one's own: for what moves the branch elsewhere, and can't be built upon others' commits.
    pub(crate) async fn turn(&self) -> Result<Turn, Error> {
        let (reply, turn) = oneshot::channel();
        self.handle.queue.send(Asked::Turn(reply)).await.map_err(|_| gone())?;
        turn.await.map_err(|_| gone())
    }
}

/// A queue ends before those who wait only with its server, or by a bug. Neither says anything of the request.
fn gone() -> Error {
    Error::Ending
}
