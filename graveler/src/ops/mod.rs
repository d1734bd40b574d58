//! The verbs, one file each: `impl Graveler` with what the verb takes and gives. Owns the steps of each verb; leaves
//! publishing what they build to their callers' flows. Invariant: nothing here changes what a reader sees but `stage`, and
//! `update`, which stages.

pub(crate) mod chain;
pub(crate) mod cherry_pick;
pub(crate) mod commit;
pub(crate) mod create_repository;
pub(crate) mod diff;
pub(crate) mod dump;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod merge;
pub(crate) mod put;
pub(crate) mod rebase;
pub(crate) mod reflog;
pub(crate) mod refs_dump;
pub(crate) mod resolve;
pub(crate) mod restore;
pub(crate) mod revert;
pub(crate) mod update;

pub(crate) mod prefix;
mod virtual_base;

#[cfg(test)]
mod tests;
