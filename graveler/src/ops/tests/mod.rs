//! Verbs over a lake in memory.

mod chain;
mod import;
mod list;
mod log;
mod refs;
mod replays;
mod verbs;
