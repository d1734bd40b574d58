//! Verbs over a lake in memory.

mod import;
mod list;
mod log;
mod refs;
mod replays;
mod verbs;
