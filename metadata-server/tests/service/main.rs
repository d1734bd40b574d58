//! The metadata service of one node, from outside: what it keeps, what it refuses, what it survives.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conformance;
mod crashes;
mod disk_faults;
mod full_disk;
mod group_commit;
mod power_cuts;
mod restarts;
mod start_refusals;
mod support;
