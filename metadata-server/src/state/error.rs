//! Why the state can't be read or written. Invariant: a refusal is never one of these; each of these stops the node.

use std::path::PathBuf;

use proto::metadata::DecodeError;
use thiserror::Error;

/// A failure of the state. For the operator (disk, version) or for us (a bug); never the caller's doing.
#[derive(Debug, Error)]
pub enum StateError {
    /// RocksDB failed: disk full, I/O error, corruption.
    #[error("the state database failed: {0}")]
    Database(#[from] rocksdb::Error),
    /// A file or folder of the state can't be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What the database holds isn't what this software wrote.
    #[error("the state database is corrupt: {0}")]
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
    #[error("entry {index} comes when {last} is applied already")]
    OutOfOrder {
        /// The entry's index.
        index: u64,
        /// The last that was applied.
        last: u64,
    },
}

impl From<DecodeError> for StateError {
    fn from(error: DecodeError) -> Self {
        Self::Corrupt(error.to_string())
    }
}
