//! A `MetaStore` between server and twin that counts what passes and can lose answers.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};

/// What becomes of the next publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lose {
    /// It never arrives.
    Request,
    /// It is carried out, and nobody hears of it.
    Answer,
}

pub(crate) struct ObservedMeta {
    store: Arc<dyn MetaStore>,
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) publications: AtomicU64,
    lose: Mutex<Option<Lose>>,
}

impl ObservedMeta {
    pub(crate) fn new(store: Arc<dyn MetaStore>) -> Arc<Self> {
        let (writes, reads, publications) = Default::default();
        Arc::new(Self { store, writes, reads, publications, lose: Mutex::default() })
    }

    pub(crate) fn lose_next_publication(&self, lose: Lose) {
        *self.lose.lock().unwrap() = Some(lose);
    }
}

#[async_trait]
impl MetaStore for ObservedMeta {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.writes.fetch_add(1, Relaxed);
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
            Some(_) => Err(MetaError::OutcomeUnknown("lost on its way back".into())),
        }
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.reads.fetch_add(1, Relaxed);
        self.store.read(query).await
    }
}
