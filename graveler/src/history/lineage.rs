//! The ancestors of a head that grows, remembered as far back as anybody asked: what makes the merge bases of many
//! merges into one branch cheap. Owns the set; `merge_base` says what a merge base is. Invariant: the answer is
//! `merge_base`'s, and a commit is looked at once, however many bases are asked for.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use model::CommitId;

use super::{Commits, commits_of};
use crate::Error;

/// More ancestors than this aren't remembered: the set begins anew.
const ANCESTORS_MAX: usize = 1 << 20;

/// A head's ancestors, and itself: all of larger generations than those of the frontier.
pub(crate) struct Lineage {
    head: CommitId,
    seen: HashSet<CommitId>,
    frontier: BTreeSet<(Reverse<u64>, CommitId)>,
}

impl Lineage {
    /// The lineage of a head, of which nothing is known yet.
    pub(crate) async fn of(commits: &impl Commits, head: CommitId) -> Result<Self, Error> {
        let generation = commits.commit(head).await?.generation;
        let frontier = BTreeSet::from([(Reverse(generation), head)]);
        Ok(Self { head, seen: HashSet::from([head]), frontier })
    }

    /// Goes on to a commit that has the head among its parents.
    pub(crate) async fn advance(&mut self, commits: &impl Commits, child: CommitId) -> Result<(), Error> {
        let commit = commits.commit(child).await?;
        if !commit.parents.contains(&self.head) || self.seen.len() > ANCESTORS_MAX {
            *self = Self::of(commits, child).await?;
            return Ok(());
        }
        self.head = child;
        self.seen.insert(child);
        self.frontier.insert((Reverse(commit.generation), child));
        Ok(())
    }

    /// The merge base of the head and another commit.
    pub(crate) async fn base(&mut self, commits: &impl Commits, other: CommitId) -> Result<Option<CommitId>, Error> {
        let generation = commits.commit(other).await?.generation;
        let mut queue = BTreeSet::from([(Reverse(generation), other)]);
        // Largest generation first: the first that the head reaches is the base, and of its equals it has the smallest id.
        while let Some((Reverse(generation), id)) = queue.pop_first() {
            if self.reaches(commits, id, generation).await? {
                return Ok(Some(id));
            }
            let parents = commits.commit(id).await?.parents.clone();
            for (parent, commit) in commits_of(commits, &parents).await? {
                queue.insert((Reverse(commit.generation), parent));
            }
        }
        Ok(None)
    }

    /// Whether the head has a commit of this generation in its history.
    async fn reaches(&mut self, commits: &impl Commits, id: CommitId, generation: u64) -> Result<bool, Error> {
        while let Some((Reverse(top), at)) = self.frontier.first().copied()
            && top > generation
        {
            let parents = commits.commit(at).await?.parents.clone();
            let parents = commits_of(commits, &parents).await?;
            // Nothing waits from here on: who is dropped while it waits leaves the set as it was.
            self.frontier.pop_first();
            for (parent, commit) in parents {
                if self.seen.insert(parent) {
                    self.frontier.insert((Reverse(commit.generation), parent));
                }
            }
        }
        Ok(self.seen.contains(&id))
    }
}
