//! Names and shapes of history: ref expressions, commit objects, merge bases, logs. Owns how history is read; leaves
//! trees to [`crate::tree`]. Invariant: a commit's generation is larger than its parents', so walks end.

pub(crate) mod commit_object;
mod lineage;
mod log_cursor;
mod merge_base;
mod ref_expr;
mod resolved;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use commit_object::{read_commit, write_commit};
pub(crate) use lineage::Lineage;
pub use log_cursor::LogCursor;
pub(crate) use merge_base::merge_bases;
pub(crate) use ref_expr::Suffix;
pub use ref_expr::{InvalidRefExpr, RefExpr};
pub use resolved::Resolved;
pub(crate) use walk::{HistoryWalk, ancestor, at_time, reaches};

use std::sync::Arc;

use model::{Commit, CommitId};

use crate::Error;
use crate::tree::Files;

/// Where walks over history read commits; tests have theirs in a map.
pub(crate) trait Commits {
    async fn commit(&self, id: CommitId) -> Result<Arc<Commit>, Error>;
}

impl Commits for Files {
    async fn commit(&self, id: CommitId) -> Result<Arc<Commit>, Error> {
        read_commit(self, id).await
    }
}

/// Reads several commits at a time, in their order.
async fn commits_of(commits: &impl Commits, ids: &[CommitId]) -> Result<Vec<(CommitId, Arc<Commit>)>, Error> {
    /// How many commits are read at a time.
    const READS_MAX: usize = 16;
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(READS_MAX) {
        let read = futures::future::try_join_all(some.iter().map(|id| commits.commit(*id))).await?;
        found.extend(some.iter().copied().zip(read));
    }
    Ok(found)
}
