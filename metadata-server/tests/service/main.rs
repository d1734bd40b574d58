//! The metadata service of one node, from outside: what it keeps, what it refuses, what it survives.

mod conformance;
mod crashes;
mod disk_faults;
mod full_disk;
mod group_commit;
mod restarts;
mod start_refusals;
mod support;
