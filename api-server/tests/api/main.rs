//! The API as its clients see it: a real server on a free port, `lakebed-sdk` in front, and behind it the in-memory memory
//! of the metadata service and an object store in memory.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod lake;
mod meta;

mod access;
mod audit;
mod authentication;
mod bootstrap;
mod branches;
mod commit_queue;
mod commits;
mod contention;
mod copies;
mod diffs;
mod fsck;
mod hard_resets;
mod import_rights;
mod imports;
mod job_callers;
mod jobs;
mod matrix;
mod merges;
mod objects;
mod paging;
mod protection;
mod publications;
mod reflog;
mod replays;
mod repositories;
mod rest;
mod rules_on_refs;
mod tls;
