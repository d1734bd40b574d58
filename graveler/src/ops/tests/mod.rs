//! Verbs over a lake in memory.

mod import;
mod list;
mod refs;
mod replays;
mod verbs;
