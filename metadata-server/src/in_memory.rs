//! The metadata service in memory: the same commands and queries over maps, without Raft, RocksDB or disk.
//! For the tests of crates that need a `MetaStore`. Invariant: it can't drift from the service, since it runs its code.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::{Answer, Clock, Command, MetaError, MetaStore, Outcome, Query};

use crate::command::{self, ApplyContext};
use crate::query;
use crate::state::keyspace::{MapKeyspace, Transaction};
use crate::state::{StateError, records};

/// How many dropped tokens and repositories a command reclaims after it.
const RECLAIM_MAX: usize = 8;

/// A `MetaStore` in memory. Its ids count commands from 1.
pub struct MemoryMetaStore {
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    index: u64,
    keys: MapKeyspace,
}

impl MemoryMetaStore {
    /// Makes an empty store that stamps commands by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, log: Mutex::default() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MetaStore for MemoryMetaStore {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        command::check_bounds(&command)?;
        let mut log = self.log();
        // Read under the lock, so that later commands have later times.
        let time = self.clock.now();
        log.apply(time, &command).map_err(|error| failed(&error))
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        query::answer(&self.log().keys, &query).map_err(|error| failed(&error))
    }
}

impl Log {
    fn apply(&mut self, time: model::Timestamp, command: &Command) -> Result<Outcome, StateError> {
        self.index += 1;
        let mut tx = Transaction::new(&self.keys);
        let outcome = command::apply(&mut tx, ApplyContext { index: self.index, time }, command)?;
        records::reclaim(&mut tx, RECLAIM_MAX)?;
        let changes = tx.into_changes();
        self.keys.commit(changes);
        Ok(outcome)
    }
}

fn failed(error: &StateError) -> MetaError {
    MetaError::Internal(error.to_string())
}
