//! Group commit of staged changes: while one request of a branch is in flight, the next ones gather and travel
//! together. Owns the queues and their bound. Invariant: each waiter gets the outcomes of its own changes, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use model::{
    BranchName, Command, MetaError, MetaStore, RepositoryName, RepositoryUid, Stage, StageOutcome, StagedChange,
};
use tokio::sync::oneshot;

use crate::Error;

type Outcomes = Result<Vec<StageOutcome>, MetaError>;

/// Where changes go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) repository: RepositoryName,
    /// The repository that must have the name, as in [`Command::Stage`].
    pub(crate) uid: Option<RepositoryUid>,
    pub(crate) branch: BranchName,
}

/// The queues of all branches that are being written to.
pub(crate) struct Batcher {
    meta: Arc<dyn MetaStore>,
    queue_max: usize,
    /// A branch is here as long as somebody sends its batches.
    queues: Mutex<HashMap<Place, VecDeque<Waiting>>>,
}

/// A writer's changes, and where their outcomes go.
struct Waiting {
    changes: Vec<StagedChange>,
    answer: oneshot::Sender<Outcomes>,
}

impl Batcher {
    /// At most `queue_max` writers wait for one branch.
    pub(crate) fn new(meta: Arc<dyn MetaStore>, queue_max: usize) -> Arc<Self> {
        Arc::new(Self { meta, queue_max, queues: Mutex::default() })
    }

    /// Stages changes, at most [`Command::STAGED_CHANGES_MAX`], with whatever else waits for the branch.
    pub(crate) async fn stage(
        self: &Arc<Self>,
        place: &Place,
        changes: Vec<StagedChange>,
    ) -> Result<Vec<StageOutcome>, Error> {
        let (answer, outcomes) = oneshot::channel();
        if self.enqueue(place, Waiting { changes, answer })? {
            tokio::spawn(Arc::clone(self).send_batches(place.clone()));
        }
        let lost = |_| MetaError::OutcomeUnknown("the server is shutting down".into());
        Ok(outcomes.await.map_err(lost)??)
    }

    /// Queues a writer. True if nobody sends the branch's batches yet.
    fn enqueue(&self, place: &Place, waiting: Waiting) -> Result<bool, Error> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        match queues.get_mut(place) {
            Some(queue) if queue.len() >= self.queue_max => Err(Error::Overloaded(place.branch.clone())),
            Some(queue) => {
                queue.push_back(waiting);
                Ok(false)
            }
            None => {
                queues.insert(place.clone(), VecDeque::from([waiting]));
                Ok(true)
            }
        }
    }

    async fn send_batches(self: Arc<Self>, place: Place) {
        let _retire = Retire { batcher: &self, place: &place };
        while let Some(batch) = self.next_batch(&place) {
            let counts: Vec<usize> = batch.iter().map(|waiting| waiting.changes.len()).collect();
            let (changes, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.changes, w.answer)).unzip();
            let outcomes = self.send(&place, changes.into_iter().flatten().collect()).await;
            hand_out(answers, &counts, outcomes);
        }
    }

    async fn send(&self, place: &Place, changes: Vec<StagedChange>) -> Outcomes {
        let Place { repository, uid, branch } = place.clone();
        Ok(self.meta.write(Command::Stage(Stage { repository, uid, branch, changes })).await?.staged()?)
    }

    /// Takes as many writers as fit one command; `None` retires the queue.
    fn next_batch(&self, place: &Place) -> Option<Vec<Waiting>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.get_mut(place)?;
        let mut batch = Vec::new();
        let mut changes = 0;
        while let Some(waiting) = queue.front() {
            changes += waiting.changes.len();
            if !batch.is_empty() && changes > Command::STAGED_CHANGES_MAX {
                break;
            }
            batch.extend(queue.pop_front());
        }
        if batch.is_empty() {
            queues.remove(place);
            return None;
        }
        Some(batch)
    }
}

/// Retires a queue when its task ends, however it ends: else writers would wait for ever after a bug.
struct Retire<'a> {
    batcher: &'a Batcher,
    place: &'a Place,
}

impl Drop for Retire<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.batcher.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(self.place);
        }
    }
}

/// Gives each writer its part of the outcomes. One that has gone away needs none.
fn hand_out(answers: Vec<oneshot::Sender<Outcomes>>, counts: &[usize], outcomes: Outcomes) {
    let mut outcomes = outcomes.map(Vec::into_iter);
    for (answer, count) in answers.into_iter().zip(counts) {
        let own = match &mut outcomes {
            Ok(outcomes) => Ok(outcomes.by_ref().take(*count).collect()),
            Err(error) => Err(error.clone()),
        };
        drop(answer.send(own));
    }
}

#[cfg(test)]
mod tests;
