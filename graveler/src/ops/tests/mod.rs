//! Verbs over a lake in memory.

mod list;
mod refs;
mod replays;
mod verbs;
