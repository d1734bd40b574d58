//! Replicates small facts with Raft and answers questions about them.
//!
//! Owns repositories, refs, staged entries, uploads, users and keys: `state` keeps them, `command` changes them (one
//! replicated command a file), `query` answers questions about them, [`StateMachine`] is all three on disk, [`in_memory`] the
//! same without disk and Raft, and [`conformance`] is what every `MetaStore` must pass. Leaves objects' bytes, commits and hooks to the stateless servers.

mod command;
pub mod conformance;
mod full_disk;
mod grpc;
pub mod in_memory;
mod query;
mod raft;
pub mod server;
mod state;
mod state_machine;
mod torn_tail;

use async_recursion::async_recursion as boxed;

pub use command::check_bounds;
pub use in_memory::MemoryMetaStore;
pub use raft::{FaultPoint, Faults};
pub use server::{Counters, MetadataOptions, MetadataServer, MutualTls, ServeError, StartError, serve};
pub use state::{StateError, StateOptions};
pub use state_machine::{Applied, StateMachine};
