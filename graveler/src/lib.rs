//! Turns staged changes into immutable commits and merges them.
//!
//! [`Graveler`] has one method per verb, each in its file under `ops/`. Under them lie `staging/` (the view of a branch),
//! `history/` (ref expressions, merge bases), `tree/` (ranges and metaranges: lookup, listing, diff, merge) and
//! [`sstable`] (the files, as pure bytes). Knows nothing of Raft, HTTP, S3 or hooks; what it builds becomes visible
//! only by a `Publish` command that its caller sends.

#[doc(hidden)]
pub mod fuzzing;
pub mod sstable;

mod batcher;
mod error;
mod fsck;
mod graveler;
mod history;
mod loading_cache;
mod ops;
mod options;
mod progress;
mod staging;
mod tree;

#[cfg(test)]
mod testing;

// Public functions return boxed futures: see Cargo.toml of the workspace.
use async_recursion::async_recursion as boxed;

pub use error::Error;
pub use fsck::{DataCheck, Fault, FaultKind, FsckEvent, FsckOptions, fsck_bucket};
pub use graveler::Graveler;
pub use history::{InvalidRefExpr, LogCursor, RefExpr, Resolved};
pub use ops::chain::{CommitChain, Replay};
pub use ops::cherry_pick::CommitChange;
pub use ops::commit::{Built, ChangeCounts, CommitInfo};
pub use ops::diff::{ChangeKind, DiffItem, DiffKind, DiffPage, DiffRequest};
pub use ops::get::{Content, Found};
pub use ops::import::{ImportCheckpoint, ImportListing, ImportStep};
pub use ops::list::{ListItem, ListRequest, Listing};
pub use ops::log::{LogPage, LogRequest};
pub use ops::merge::{Conflict, Conflicts, MergeOptions, Merged, NamedPaths};
pub use ops::prefix::Shows;
pub use ops::put::{Change, Uploaded};
pub use ops::rebase::{REBASE_COMMITS_MAX, Rebased};
pub use ops::refs_dump::RefsDump;
pub use ops::restore::Restored;
pub use options::GravelerOptions;
pub use progress::Progress;
pub use staging::SealedTokens;
pub use storage::{BodyError, BodyStream};
pub use tree::cache::TreeCounters;
pub use tree::merge::Strategy;
