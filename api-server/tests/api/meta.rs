//! A `MetaStore` between server and twin that counts what passes, can lose answers, and can let others come first.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};

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
}

impl ObservedMeta {
    pub(crate) fn new(store: Arc<dyn MetaStore>) -> Arc<Self> {
        let (writes, reads, publications) = Default::default();
        let (lose, lose_read, first) = Default::default();
        Arc::new(Self { store, writes, reads, publications, lose, lose_read, first })
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
