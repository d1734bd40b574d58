//! The best common ancestors of commits. Owns the search, by generation, after git's `paint_down_to_common`; leaves to
//! `ops/virtual_base` what a merge makes of several.
//!
//! A common ancestor is *best* if no other common ancestor descends from it. Criss-cross histories have several: two
//! features that were merged into both `main` and `stable` are two best common ancestors of these. A merge needs all of
//! them, since each has changes that the others haven't. Invariant: the answer holds every best common ancestor and
//! nothing else, whichever side is called left.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use model::{Commit, CommitId};

use super::{Commits, commits_of};
use crate::Error;

/// Two sides with more best common ancestors than this aren't merged or compared at once.
pub(crate) const BASES_MAX: usize = 1000;

/// Which of the sides reach a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Left,
    Right,
    /// Both, and no other common ancestor that was found descends from it.
    Both,
    /// Both, and a common ancestor descends from it.
    Stale,
}

impl Mark {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stale, _) | (_, Self::Stale) => Self::Stale,
            (mark, other) if mark == other => mark,
            _ => Self::Both,
        }
    }
}

/// Finds the best common ancestors of what any of `left` reaches and what `right` reaches; empty if there are none. Those
/// of the largest generation come first, of these the newest, and of these that of the smallest id.
///
/// Fails with [`Error::Invalid`] beyond [`BASES_MAX`].
///
/// Commits are visited by generation, largest first, so that all descendants of a commit come before it. It is known by
/// then whether both sides reach it, and whether a common ancestor descends from it. The search ends when one side has
/// nothing left that the other doesn't reach: all common ancestors that it hasn't visited are then ancestors of those
/// that it has.
pub(crate) async fn merge_bases(
    commits: &impl Commits,
    left: &[CommitId],
    right: CommitId,
) -> Result<Vec<CommitId>, Error> {
    let mut walk = Walk { commits, queue: BTreeMap::new(), waiting: Waiting::default() };
    walk.reach(left, Mark::Left, None).await?;
    walk.reach(&[right], Mark::Right, None).await?;
    let mut best: Vec<(CommitId, Arc<Commit>)> = Vec::new();
    loop {
        let both_go_on = walk.waiting.left > 0 && walk.waiting.right > 0;
        if !both_go_on && walk.waiting.both == 0 {
            break;
        }
        let Some((id, commit, mark)) = walk.next() else { break };
        let passed_on = match mark {
            // The other side can't meet this one any more.
            Mark::Left | Mark::Right if !both_go_on => continue,
            Mark::Left | Mark::Right | Mark::Stale => mark,
            Mark::Both => Mark::Stale,
        };
        walk.reach(&commit.parents, passed_on, Some((id, commit.generation))).await?;
        if mark == Mark::Both {
            best.push((id, commit));
        }
        if best.len() > BASES_MAX {
            return Err(too_many(left, right));
        }
    }
    best.sort_by_key(|(id, commit)| (Reverse(commit.generation), Reverse(commit.created_at), *id));
    Ok(best.into_iter().map(|(id, _)| id).collect())
}

fn too_many(left: &[CommitId], right: CommitId) -> Error {
    let left = left.last().map(CommitId::to_string).unwrap_or_default();
    Error::Invalid(format!(
        "{left} and {right} have more than {BASES_MAX} best common ancestors: merge older commits of the source first, \
         each of which becomes a common ancestor in the place of many"
    ))
}

/// Commits that wait to be visited.
struct Walk<'a, C> {
    commits: &'a C,
    queue: BTreeMap<(Reverse<u64>, CommitId), (Arc<Commit>, Mark)>,
    waiting: Waiting,
}

/// How many commits wait with each mark; of stale ones it doesn't matter.
#[derive(Debug, Default)]
struct Waiting {
    left: usize,
    right: usize,
    both: usize,
    stale: usize,
}

impl Waiting {
    fn of(&mut self, mark: Mark) -> &mut usize {
        match mark {
            Mark::Left => &mut self.left,
            Mark::Right => &mut self.right,
            Mark::Both => &mut self.both,
            Mark::Stale => &mut self.stale,
        }
    }
}

impl<C: Commits> Walk<'_, C> {
    /// Marks commits: those to begin with, or the parents of a child (whose id and generation are given).
    async fn reach(&mut self, ids: &[CommitId], mark: Mark, child: Option<(CommitId, u64)>) -> Result<(), Error> {
        for (id, commit) in commits_of(self.commits, ids).await? {
            if let Some((child, generation)) = child
                && commit.generation >= generation
            {
                return Err(Error::Corrupt {
                    file: storage::Immutable::Commit(child).to_string(),
                    why: format!("its parent {id} has no smaller generation"),
                });
            }
            let reached = match self.queue.entry((Reverse(commit.generation), id)) {
                Entry::Vacant(new) => new.insert((commit, mark)),
                Entry::Occupied(before) => {
                    let before = before.into_mut();
                    *self.waiting.of(before.1) -= 1;
                    before.1 = before.1.and(mark);
                    before
                }
            };
            *self.waiting.of(reached.1) += 1;
        }
        Ok(())
    }

    /// Takes the commit of the largest generation.
    fn next(&mut self) -> Option<(CommitId, Arc<Commit>, Mark)> {
        let ((_, id), (commit, mark)) = self.queue.pop_first()?;
        *self.waiting.of(mark) -= 1;
        Some((id, commit, mark))
    }
}
