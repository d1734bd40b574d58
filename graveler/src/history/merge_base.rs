//! The best common ancestor of two commits. Owns the search, by generation.
//!
//! In criss-cross histories several common ancestors can be best, none an ancestor of another. One is chosen, always
//! the same: that of the largest generation, and of these the smallest id. (Merging the candidates into a virtual base,
//! as git's recursive strategy does, would hide some conflicts that a reader of the log can't explain.)
//! Invariant: the choice is symmetric, and never an ancestor of another common ancestor.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use model::CommitId;

use super::{Commits, commits_of};
use crate::Error;

/// Who reaches a commit.
#[derive(Debug, Clone, Copy, Default)]
struct ReachedBy {
    a: bool,
    b: bool,
}

/// Finds the best common ancestor; `None` if there is none.
///
/// Commits are visited by generation, largest first, so all descendants of a commit come before it. The first that
/// both sides reach is then of the largest generation, and has no descendant that both reach.
pub(crate) async fn merge_base(commits: &impl Commits, a: CommitId, b: CommitId) -> Result<Option<CommitId>, Error> {
    if a == b {
        return Ok(Some(a));
    }
    let mut reached: BTreeMap<CommitId, ReachedBy> = BTreeMap::new();
    reached.entry(a).or_default().a = true;
    reached.entry(b).or_default().b = true;
    let mut queue = BTreeSet::new();
    for (id, commit) in commits_of(commits, &[a, b]).await? {
        queue.insert((Reverse(commit.generation), id));
    }
    while let Some((Reverse(generation), id)) = queue.pop_first() {
        let by = reached.remove(&id).unwrap_or_default();
        if by.a && by.b {
            return Ok(Some(id));
        }
        let parents = commits.commit(id).await?.parents.clone();
        for (parent, commit) in commits_of(commits, &parents).await? {
            if commit.generation >= generation {
                return Err(Error::Corrupt {
                    file: storage::Immutable::Commit(id).to_string(),
                    why: format!("its parent {parent} has no smaller generation"),
                });
            }
            let entry = reached.entry(parent).or_default();
            (entry.a, entry.b) = (entry.a || by.a, entry.b || by.b);
            queue.insert((Reverse(commit.generation), parent));
        }
    }
    Ok(None)
}
