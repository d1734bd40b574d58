//! The gateway over the wire: signed requests over TCP, answers as clients see them. Metadata and objects are in
//! memory; everything between is real.

#![expect(clippy::unwrap_used, reason = "what a test didn't expect shall fail it where it happens")]

mod client;
mod harness;
mod upload;

mod access;
mod bodies;
mod buckets;
mod completions;
mod conditions;
mod copies;
mod counters;
mod deletes;
mod forms;
mod imported;
mod keys;
mod listings;
mod matrix;
mod model;
mod multipart;
mod objects;
mod part_reads;
mod presigned;
mod protection;
mod races;
mod refs;
mod refusals;
mod rules_on_refs;
mod settings;
mod streaming;
mod tagging;
