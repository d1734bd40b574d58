//! A `MetaStore` over gRPC that finds the leader.
//!
//! Owns connections, retries and their bounds. Leaves conversions and the table of errors to `proto`. Invariant: a
//! command whose outcome is unknown is sent again only if a second run can't do harm: it carries a request id.

mod client;
mod retry;
mod tls;

pub use client::{ClientOptions, MetadataClient};
pub use tls::ClientTls;
