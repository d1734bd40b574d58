//! Consensus: the only files that import openraft, so that a bump of its version stays here.
//!
//! Owns the log (`log_store` and `log_writer`: RocksDB, one writer thread, group commit), the adapter that applies
//! committed entries to `state`, snapshots, settings, and [`Node`], one life of a voter from opening its folders to
//! closing them. Leaves restarts, batching and callers to `server`.

mod config;
mod faults;
mod last_state;
mod log_mark;
mod log_record;
mod log_store;
mod log_tail;
mod log_writer;
mod network;
mod node;
mod read_gate;
mod snapshot;
mod state_adapter;
mod types;

#[cfg(test)]
mod storage_suite;

pub use faults::{FaultPoint, Faults};
pub(crate) use last_state::LastState;
pub(crate) use node::{Node, NodeCounters, NodeOptions, OpenError, ReadEnd, released};
pub(crate) use types::Proposal;
