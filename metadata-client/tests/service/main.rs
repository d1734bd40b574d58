//! The client against a served node, and against scripted ones that fail.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conformance;
mod mutual_tls;
mod retries;
mod support;
