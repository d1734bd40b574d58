//! Reads the actions that a repository declares, and says which of them an event calls for. Owns the form of action
//! files, which is lakeFS's; leaves to `api-server` where they lie and what becomes of the event. Nothing runs hooks yet.

mod action;
mod event;

pub use action::{Action, FILE_BYTES_MAX, FOLDERS, InvalidAction};
pub use event::Event;
