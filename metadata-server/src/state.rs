//! The replicated state on RocksDB.

use std::path::Path;

use bytes::Bytes;
use model::{Answer, Command, Outcome, Query, Timestamp};
use thiserror::Error;

/// Bounds of the database.
#[derive(Debug, Clone)]
pub struct StateOptions {
    /// All memory tables together.
    pub write_buffers_bytes_max: usize,
    /// The block cache.
    pub block_cache_bytes_max: usize,
    /// Files that RocksDB keeps open.
    pub open_files_max: i32,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { write_buffers_bytes_max: 48 << 20, block_cache_bytes_max: 64 << 20, open_files_max: 512 }
    }
}

/// One entry of the log as the state machine takes it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The entry's index; grows from entry to entry, and is where ids come from.
    pub index: u64,
    /// What Raft must find again with the data (last applied log id, membership); opaque here. The batch's last counts.
    pub raft: Bytes,
    /// The time stamped by the leader and the command; none for Raft's own entries.
    pub command: Option<(Timestamp, Command)>,
}

/// Why the state can't be read or written. Each stops the node.
#[derive(Debug, Error)]
pub enum StateError {
    /// RocksDB failed: disk full, I/O error, corruption.
    #[error("the state database failed: {0}")]
    Database(#[from] rocksdb::Error),
    /// A file or folder of the state can't be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What the database holds isn't what this software wrote.
    #[error("the state database holds what it can't: {0}")]
    Corrupt(String),
    /// Newer software wrote it.
    #[error("the state database has schema {found}; this version of Lakebed knows {known}: update it")]
    NewerSchema {
        /// What it says.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// An entry was applied already: a bug above.
    #[error("entry {index} follows entry {last}, which is applied already")]
    OutOfOrder {
        /// The entry's index.
        index: u64,
        /// The last that was applied.
        last: u64,
    },
}

/// The replicated state of one group. All calls block: keep them off the async workers.
pub struct StateMachine {}

impl StateMachine {
    /// Opens or makes the state in a folder.
    pub fn open(_dir: &Path, _options: StateOptions) -> Result<Self, StateError> {
        Ok(Self {})
    }

    /// Applies entries in their order, in one atomic write. → one outcome an entry (`Done` for Raft's own)
    pub fn apply(&self, _batch: &[Applied]) -> Result<Vec<Outcome>, StateError> {
        Err(StateError::Corrupt("not there yet".into()))
    }

    /// Answers a question from one snapshot.
    pub fn read(&self, _query: &Query) -> Result<Answer, StateError> {
        Err(StateError::Corrupt("not there yet".into()))
    }

    /// What was in `raft` of the last entry applied.
    pub fn raft_state(&self) -> Result<Option<Bytes>, StateError> {
        Ok(None)
    }

    /// The index of the last entry applied; 0 if none.
    pub fn applied_index(&self) -> Result<u64, StateError> {
        Ok(0)
    }

    /// Makes all that was applied durable, atomically.
    pub fn flush(&self) -> Result<(), StateError> {
        Ok(())
    }

    /// Writes a consistent copy (hard links) into a folder that doesn't exist yet; durable when it returns.
    pub fn checkpoint(&self, _dir: &Path) -> Result<(), StateError> {
        Ok(())
    }

    /// Replaces the state by a checkpoint's, all or nothing. Leaves the checkpoint alone.
    pub fn restore(&self, _from: &Path) -> Result<(), StateError> {
        Ok(())
    }

    /// Removes what dropped tokens and repositories left behind, at most so many of them. → whether more is left
    pub fn reclaim(&self, _budget: usize) -> Result<bool, StateError> {
        Ok(false)
    }
}
