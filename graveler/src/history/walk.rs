//! Walks over history: to an ancestor, to a time, over all ancestors in the order of a log, and whether a commit is an
//! ancestor. Owns the orders.
//! Invariant: a walk holds the commits at its frontier and the ids it has seen, never all of history's commits.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use model::{Commit, CommitId, Timestamp};

use super::{Commits, commits_of};
use crate::Error;

/// Goes some first parents back; `None` if history doesn't reach so far.
pub(crate) async fn ancestor(commits: &impl Commits, from: CommitId, steps: u64) -> Result<Option<CommitId>, Error> {
    let mut at = from;
    for left in (1..=steps).rev() {
        let commit = commits.commit(at).await?;
        // Generations fall with each step: this tells at once that history is too short.
        if commit.generation <= left {
            return Ok(None);
        }
        match commit.parents.first() {
            Some(parent) => at = *parent,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Finds the newest commit at or before a time among a commit and its first parents.
pub(crate) async fn at_time(
    commits: &impl Commits,
    from: CommitId,
    time: Timestamp,
) -> Result<Option<CommitId>, Error> {
    let mut at = from;
    loop {
        let commit = commits.commit(at).await?;
        if commit.created_at <= time {
            return Ok(Some(at));
        }
        match commit.parents.first() {
            Some(parent) => at = *parent,
            None => return Ok(None),
        }
    }
}

/// Whether a commit is another one or among its ancestors. What has no larger generation than the commit isn't followed.
pub(crate) async fn reaches(commits: &impl Commits, from: CommitId, commit: CommitId) -> Result<bool, Error> {
    let generation = commits.commit(commit).await?.generation;
    let mut queue = BTreeSet::from([(Reverse(commits.commit(from).await?.generation), from)]);
    while let Some((Reverse(at), id)) = queue.pop_first() {
        if id == commit {
            return Ok(true);
        }
        if at > generation {
            let parents = commits.commit(id).await?.parents.clone();
            let parents = commits_of(commits, &parents).await?;
            queue.extend(parents.into_iter().map(|(id, commit)| (Reverse(commit.generation), id)));
        }
    }
    Ok(false)
}

/// A walk over a commit and its ancestors, newest first; a commit comes after the child by which it was found.
///
/// As long as no commit is older than its parents, commits come in the order of (time, generation): then what is at the
/// frontier says all about what is still to come, and a page can go on from there.
pub(crate) struct HistoryWalk<'a, C> {
    commits: &'a C,
    frontier: BTreeSet<(Reverse<Timestamp>, Reverse<u64>, CommitId)>,
    seen: HashSet<CommitId>,
    skewed: bool,
}

impl<'a, C: Commits> HistoryWalk<'a, C> {
    /// Begins at some commits that don't lead to each other.
    pub(crate) async fn new(commits: &'a C, from: &[CommitId]) -> Result<Self, Error> {
        let mut walk = Self { commits, frontier: BTreeSet::new(), seen: HashSet::new(), skewed: false };
        walk.follow(Timestamp::from_millis(i64::MAX), from).await?;
        Ok(walk)
    }

    /// Adds the parents that are to be walked of a commit of this time.
    pub(crate) async fn follow(&mut self, time: Timestamp, parents: &[CommitId]) -> Result<(), Error> {
        let new: Vec<CommitId> = parents.iter().copied().filter(|id| self.seen.insert(*id)).collect();
        for (id, commit) in commits_of(self.commits, &new).await? {
            self.skewed |= commit.created_at > time;
            self.frontier.insert((Reverse(commit.created_at), Reverse(commit.generation), id));
        }
        Ok(())
    }

    /// Takes the next commit; the caller says which of its parents to follow.
    pub(crate) async fn next(&mut self) -> Result<Option<(CommitId, Arc<Commit>)>, Error> {
        let Some((_, _, id)) = self.frontier.pop_first() else { return Ok(None) };
        Ok(Some((id, self.commits.commit(id).await?)))
    }

    /// The commits from which the walk could go on as if it hadn't been left, if it came to that by time alone.
    pub(crate) fn frontier(&self) -> Option<Vec<CommitId>> {
        (!self.skewed).then(|| self.frontier.iter().map(|(_, _, id)| *id).collect())
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        self.frontier.is_empty()
    }
}
