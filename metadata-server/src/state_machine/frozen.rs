//! The state when nothing can be written: what is on disk, and over it, in memory, the entries of the log that it lacks.
//! Owns reading both as one. Invariant: what is answered is the state after the log's last entry, and no byte is written.

use std::path::Path;

use bytes::Bytes;
use model::{Answer, Query};

use super::{Applied, apply_all};
use crate::query;
use crate::state::generation::Generation;
use crate::state::keyspace::{Changes, Keyspace, Overlay, Table, Transaction};
use crate::state::{StateError, StateOptions, key};

/// A state that stays as it is. What it holds in memory is bounded by what the log has after the last flush.
pub(crate) struct FrozenState {
    generation: Generation,
    over: Changes,
}

impl FrozenState {
    /// Opens the state in a folder, which must be there.
    pub(crate) fn open(dir: &Path, options: &StateOptions) -> Result<Self, StateError> {
        Ok(Self { generation: Generation::open_read_only(dir, options)?, over: Changes::default() })
    }

    /// What `raft` held in the last entry on disk.
    pub(crate) fn raft_state(&self) -> Result<Option<Bytes>, StateError> {
        Ok(self.generation.rocks().view().get(Table::Settings, key::RAFT)?.map(Bytes::from))
    }

    /// Lays entries over it.
    pub(crate) fn apply(&mut self, batch: &[Applied]) -> Result<(), StateError> {
        let view = self.generation.rocks().view();
        let mut tx = Transaction::over(&view, std::mem::take(&mut self.over));
        let applied = apply_all(&mut tx, batch);
        let changes = tx.into_changes();
        self.over = changes;
        applied.map(drop)
    }

    /// Answers a question.
    pub(crate) fn read(&self, query: &Query) -> Result<Answer, StateError> {
        let snapshot = self.generation.rocks().snapshot();
        query::answer(&Overlay { base: &snapshot, changes: &self.over }, query)
    }
}
