//! The ancestors of a head that grows, remembered as far back as anybody asked: what makes the merge bases of many
//! merges into one branch cheap. Owns the set; `merge_base` says what merge bases are, and finds them where they aren't
//! plain. Invariant: the answer is that of `merge_base`; where what another commit has of its own leads to the head's
//! history at one commit, no commit of the head's history is looked at twice, however many bases are asked for.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use model::CommitId;

use super::{Commits, commits_of, merge_bases};
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

    /// The best common ancestors of the head and another commit, as [`merge_bases`] gives them.
    pub(crate) async fn bases(&mut self, commits: &impl Commits, other: CommitId) -> Result<Vec<CommitId>, Error> {
        let generation = commits.commit(other).await?.generation;
        let mut queue = BTreeSet::from([(Reverse(generation), other)]);
        // Largest generation first: nothing that waits descends from what is taken.
        while let Some((Reverse(generation), id)) = queue.pop_first() {
            if self.reaches(commits, id, generation).await? {
                // All paths from the other commit meet the head's history here, or some lead around it.
                return if queue.is_empty() { Ok(vec![id]) } else { merge_bases(commits, &[self.head], other).await };
            }
            let parents = commits.commit(id).await?.parents.clone();
            for (parent, commit) in commits_of(commits, &parents).await? {
                queue.insert((Reverse(commit.generation), parent));
            }
        }
        Ok(Vec::new())
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
