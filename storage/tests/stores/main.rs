//! The object stores from outside: one suite of behaviour for every back end, then what each must refuse or survive.

#![expect(clippy::unwrap_used, reason = "what a test didn't expect shall fail it where it happens")]

mod completions;
mod credentials;
mod disk_cache;
mod emulators;
mod faults;
mod gcs;
mod given_out;
mod http_stub;
mod local;
mod memory;
mod s3;
mod sources;
mod suite;
mod support;
