//! Black-box tests of the product: real processes, real clients, faults.

#![expect(clippy::unwrap_used, reason = "what a test didn't expect shall fail it where it happens")]

mod cli;
mod clients;
mod disk_full;
mod endpoints;
mod identity;
mod imports;
mod issuer;
mod jobs;
mod kill;
mod layers;
mod not_found;
mod object_store_faults;
mod object_stores;
mod refs_dump;
mod roles;
mod silent_connections;
mod sync;
mod tour;
mod workspace;
