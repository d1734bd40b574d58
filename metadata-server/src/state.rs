//! The replicated state as records in an ordered keyspace, on RocksDB or in memory.
//!
//! Owns keys and what they hold (`key`, `records`), reading and writing them (`keyspace`, `page`), the database (`rocks`) and its
//! generations. Leaves what commands do to `command`, answers to `query`, and both over a database to `state_machine`.

pub(crate) mod access;
mod error;
pub(crate) mod expiry;
pub(crate) mod generation;
pub(crate) mod jobs;
pub(crate) mod key;
pub(crate) mod keyspace;
pub(crate) mod page;
pub(crate) mod records;
mod rocks;

use model::Refusal;

pub use error::StateError;
pub use rocks::StateOptions;

/// Why a command or query ends early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The result is a refusal. Nothing was written.
    Refused(Refusal),
    /// The node can't go on.
    Failed(StateError),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StateError> for Halt {
    fn from(error: StateError) -> Self {
        Self::Failed(error)
    }
}
