//! The public REST and gRPC API, and the home of the flows.
//!
//! Owns what Lakebed does for its clients: [`flows`] has one function for each thing that changes a repository, read
//! from top to bottom as a protocol; [`commit_queue`] has a merge queue for each branch; [`jobs`] carries each request out
//! once, however often it is sent, and takes up what a dead server left; `grpc` and `rest` are the endpoints, one file a
//! resource; one table says how errors look from outside. Leaves trees and staging to `graveler`, replicated facts to the
//! metadata service, and ports to the composition root, which mounts an [`ApiServer`]'s routers.
//!
//! Rooms that are still empty: hooks (each flow that has them judges between building and publishing), and `background/`
//! (the outbox of events, expiry, collection).
//!
//! Invariant: nothing but `Server.Health` answers a caller who hasn't proved to hold a key, and every operation asks
//! [`auth::authorize`] for each resource that it touches.

mod access;
pub mod commit_queue;
pub mod flows;
pub mod jobs;

mod grpc;
#[expect(unused_qualifications, reason = "the macros that describe operations write them")]
mod rest;

mod api_server;
mod authenticator;
mod backoff;
mod bootstrap;
mod error;
mod error_table;
mod escapes;
mod options;
mod pages;
mod publish;
mod request_limits;

pub use api_server::ApiServer;
pub use bootstrap::{ADMINISTRATOR, BootstrapError, await_first_user, bootstrap_administrator};
pub use error::{Error, JobFailed};
pub use options::{ApiServerOptions, S3Place, Setup};
