//! Verbs over a lake in memory.

mod against_git;
mod chain;
mod creation;
mod histories;
mod import;
mod list;
mod log;
mod refs;
mod replays;
mod update;
mod verbs;
mod virtual_bases;
