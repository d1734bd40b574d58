//! A `MetaStore` between server and twin that counts what passes, can lose answers, and can let others come first.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};
use tokio::sync::{RwLock, RwLockWriteGuard};

use crate::lake::until;

/// What becomes of the next publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lose {
    /// It never arrives.
    Request,
    /// It is carried out, and nobody hears of it.
    Answer,
    /// It is carried out, nobody hears of it, and the next question isn't answered either.
    AnswerAndRead,
}

pub(crate) struct ObservedMeta {
    store: Arc<dyn MetaStore>,
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) publications: AtomicU64,
    lose: Mutex<Option<Lose>>,
    lose_read: AtomicBool,
    first: Mutex<Vec<Command>>,
    /// Through which publications go.
    gate: RwLock<()>,
}

/// While it lives, publications are counted and wait.
pub(crate) struct Held<'a>(#[expect(dead_code, reason = "it is held")] RwLockWriteGuard<'a, ()>);

impl ObservedMeta {
    pub(crate) fn new(store: Arc<dyn MetaStore>) -> Arc<Self> {
        let (writes, reads, publications) = Default::default();
        let (lose, lose_read, first, gate) = Default::default();
        Arc::new(Self { store, writes, reads, publications, lose, lose_read, first, gate })
    }

    /// The store itself: what another server would talk to.
    pub(crate) fn beneath(&self) -> &dyn MetaStore {
        &*self.store
    }

    /// Holds publications up.
    pub(crate) async fn hold_publications(&self) -> Held<'_> {
        Held(self.gate.write().await)
    }

    /// Waits until so many publications have come, held up or not.
    pub(crate) async fn publications_come(&self, number: u64) {
        until("publications come", async || self.publications.load(Relaxed) >= number).await;
    }

    /// Carries out these commands right before the next publication or staging.
    pub(crate) fn let_others_come_first(&self, commands: Vec<Command>) {
        *self.first.lock().unwrap() = commands;
    }

    pub(crate) fn lose_next_publication(&self, lose: Lose) {
        *self.lose.lock().unwrap() = Some(lose);
    }
}

#[async_trait]
impl MetaStore for ObservedMeta {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.writes.fetch_add(1, Relaxed);
        if matches!(command, Command::Publish { .. } | Command::Stage { .. }) {
            let first = std::mem::take(&mut *self.first.lock().unwrap());
            for command in first {
                self.store.write(command).await?.done()?;
            }
        }
        let lost = match command {
            Command::Publish { .. } => {
                self.publications.fetch_add(1, Relaxed);
                drop(self.gate.read().await);
                self.lose.lock().unwrap().take()
            }
            _ => None,
        };
        if lost == Some(Lose::Request) {
            return Err(MetaError::OutcomeUnknown("lost on its way".into()));
        }
        let outcome = self.store.write(command).await?;
        match lost {
            None => Ok(outcome),
            Some(lost) => {
                self.lose_read.store(lost == Lose::AnswerAndRead, Relaxed);
                Err(MetaError::OutcomeUnknown("lost on its way back".into()))
            }
        }
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.reads.fetch_add(1, Relaxed);
        if self.lose_read.swap(false, Relaxed) {
            return Err(MetaError::Unavailable("can't be reached".into()));
        }
        self.store.read(query).await
    }
}
