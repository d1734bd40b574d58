//! The replicated state machine on RocksDB: what Raft applies commands to and questions are answered from.
//!
//! Owns batches, copies and restoring them. Leaves what commands do to `command`, answers to `query`, and when to apply, flush
//! and copy to `raft`. Invariant: entries are applied in their order, each batch in one atomic write together with what Raft
//! must find again; the same entries make the same tables on every node, however they are batched.

mod frozen;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use model::{Answer, Command, Outcome, Query, Timestamp};

pub(crate) use frozen::FrozenState;

use crate::command::{self, ApplyContext};
use crate::query;
use crate::state::generation::Generation;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{StateError, StateOptions, key, records};

/// One entry of the log as the state machine takes it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The entry's index. Grows from entry to entry, and is where ids come from.
    pub index: u64,
    /// What Raft must find again with the data (last applied log id, membership); opaque here. The batch's last counts.
    pub raft: Bytes,
    /// The time that the leader stamped and the command; none for Raft's own entries.
    pub command: Option<(Timestamp, Command)>,
}

/// The replicated state of one group. All calls block: keep them off the async workers.
pub struct StateMachine {
    root: PathBuf,
    options: StateOptions,
    current: RwLock<Arc<Generation>>,
    /// Held by who changes the state; readers don't wait for it.
    writing: Mutex<()>,
}

impl StateMachine {
    /// Opens or makes the state in a folder.
    ///
    /// # Errors
    /// [`StateError`] when the folder can't be used, is corrupt, is open elsewhere, or was written by newer software.
    pub fn open(dir: &Path, options: StateOptions) -> Result<Self, StateError> {
        let current = Generation::open_current(dir, &options)?;
        Ok(Self { root: dir.to_owned(), options, current: RwLock::new(Arc::new(current)), writing: Mutex::new(()) })
    }

    /// Applies entries in their order, all or none. → one outcome an entry (`Done` for Raft's own)
    ///
    /// # Errors
    /// [`StateError`] when the database failed or an entry comes twice. The node must stop.
    pub fn apply(&self, batch: &[Applied]) -> Result<Vec<Outcome>, StateError> {
        let _writing = self.lock();
        let generation = self.generation();
        let view = generation.rocks().view();
        let mut tx = Transaction::new(&view);
        let outcomes = apply_all(&mut tx, batch)?;
        let changes = tx.into_changes();
        generation.rocks().commit(changes)?;
        Ok(outcomes)
    }

    /// Answers a question from one point in time.
    ///
    /// # Errors
    /// [`StateError`] when the database failed.
    pub fn read(&self, query: &Query) -> Result<Answer, StateError> {
        let generation = self.generation();
        let snapshot = generation.rocks().snapshot();
        query::answer(&snapshot, query)
    }

    /// What `raft` held in the last entry applied.
    ///
    /// # Errors
    /// [`StateError`] when the database failed.
    pub fn raft_state(&self) -> Result<Option<Bytes>, StateError> {
        Ok(self.generation().rocks().view().get(Table::Settings, key::RAFT)?.map(Bytes::from))
    }

    /// The index of the last entry applied; 0 if none.
    ///
    /// # Errors
    /// [`StateError`] when the database failed.
    pub fn applied_index(&self) -> Result<u64, StateError> {
        Ok(applied_index(&self.generation().rocks().view())?.unwrap_or(0))
    }

    /// Makes all that was applied durable. Log entries may be purged only after this.
    ///
    /// # Errors
    /// [`StateError`] when the database failed.
    pub fn flush(&self) -> Result<(), StateError> {
        self.generation().rocks().flush()
    }

    /// Writes a durable copy (hard links) into a folder that isn't there yet. → what `raft` held in the last entry
    /// of the copy
    ///
    /// Entries wait meanwhile, questions don't.
    ///
    /// # Errors
    /// [`StateError`] when the database failed or the folder is there.
    pub fn checkpoint(&self, dir: &Path) -> Result<Option<Bytes>, StateError> {
        let _writing = self.lock();
        self.generation().rocks().checkpoint(dir)?;
        self.raft_state()
    }

    /// Replaces the whole state by a checkpoint's, at once and durably. Leaves the checkpoint alone.
    ///
    /// # Errors
    /// [`StateError`] when the checkpoint can't be read or copied; then the state is what it was.
    pub fn restore(&self, from: &Path) -> Result<(), StateError> {
        let _writing = self.lock();
        let next = Generation::restore(&self.root, from, self.generation().number(), &self.options)?;
        let previous = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::new(next))
        };
        // A reader that still holds it keeps its files; they go at the next start.
        match Arc::into_inner(previous) {
            Some(previous) => previous.remove(),
            None => Ok(()),
        }
    }

    /// Removes what dropped tokens and deleted repositories left behind, at most `budget` of them. → whether more is
    /// left
    ///
    /// Not replicated, and invisible: call it when there is time.
    ///
    /// # Errors
    /// [`StateError`] when the database failed.
    pub fn reclaim(&self, budget: usize) -> Result<bool, StateError> {
        let _writing = self.lock();
        let generation = self.generation();
        let view = generation.rocks().view();
        let mut tx = Transaction::new(&view);
        let more = records::reclaim(&mut tx, budget)?;
        generation.rocks().commit(tx.into_changes())?;
        Ok(more)
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Applies entries in their order, and notes how far that is.
fn apply_all(tx: &mut Transaction<'_>, batch: &[Applied]) -> Result<Vec<Outcome>, StateError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut last = applied_index(tx)?;
    for Applied { index, command, .. } in batch {
        if let Some(last) = last
            && *index <= last
        {
            return Err(StateError::OutOfOrder { index: *index, last });
        }
        last = Some(*index);
        outcomes.push(match command {
            Some((time, command)) => command::apply(tx, ApplyContext { index: *index, time: *time }, command)?,
            None => Outcome::Done,
        });
    }
    if let Some(newest) = batch.last() {
        tx.put(Table::Settings, key::APPLIED.to_vec(), newest.index.to_be_bytes().to_vec());
        tx.put(Table::Settings, key::RAFT.to_vec(), newest.raft.to_vec());
    }
    Ok(outcomes)
}

fn applied_index(keys: &dyn Keyspace) -> Result<Option<u64>, StateError> {
    match keys.get(Table::Settings, key::APPLIED)? {
        Some(bytes) => {
            let bytes = bytes.try_into().map_err(|_| StateError::Corrupt("an index hasn't 8 bytes".into()))?;
            Ok(Some(u64::from_be_bytes(bytes)))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
