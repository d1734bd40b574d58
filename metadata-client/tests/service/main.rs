//! The client against a served node, and against scripted ones that fail.

mod conformance;
mod mutual_tls;
mod retries;
mod support;
