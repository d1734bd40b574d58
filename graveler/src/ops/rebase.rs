//! Replays a branch's own commits onto another commit, one by one. Owns which commits those are; `merge` owns the
//! merging. Invariant: a conflict in any of them leaves nothing but unreferenced objects behind.

use std::sync::Arc;

use model::{Commit, CommitId, Repository};

use super::merge::{ThreeWay, tree};
use super::virtual_base::Base;
use crate::boxed;
use crate::history::{reaches, read_commit};
use crate::tree::Files;
use crate::{CommitInfo, Conflicts, Error, Graveler, MergeOptions, Merged};

/// How many commits one rebase replays at most.
pub const REBASE_COMMITS_MAX: usize = 1000;

/// What came of a rebase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebased {
    /// The commits are built; the last is the new head, to be published.
    Clean {
        /// The last commit, or the new base if no commit was left.
        head: CommitId,
        /// How many commits were made anew.
        replayed: u64,
        /// How many brought nothing that the new base didn't have, and were left out.
        dropped: u64,
    },
    /// The branch begins at the new base already.
    UpToDate,
    /// This commit, the first of its kind, and what came before it changed the same paths.
    Conflicts {
        /// The commit that couldn't be replayed.
        commit: CommitId,
        /// Where; `source` is the commit's side, `destination` that of what was replayed before it.
        conflicts: Conflicts,
    },
}

impl Graveler {
    /// Replays onto `onto` the commits that lead from it to `head` along first parents, oldest first. Each keeps its
    /// committer, message and metadata; its time is the present one.
    ///
    /// A merge commit becomes a plain one: it is replayed as what it adds to that of its parents which `onto` reaches
    /// already (so that merges *from* the new base bring only what they mended), or else to its first.
    ///
    /// Fails with [`Error::Invalid`] beyond [`REBASE_COMMITS_MAX`] commits.
    #[boxed]
    pub async fn rebase_tree(
        &self,
        repository: &Repository,
        head: &CommitId,
        onto: &CommitId,
        options: &MergeOptions,
    ) -> Result<Rebased, Error> {
        let files = self.files(repository)?;
        if first_parents_reach(&files, *head, *onto).await? {
            return Ok(Rebased::UpToDate);
        }
        let own = own_commits(&files, *head, *onto).await?;
        let (mut tip, mut replayed, mut dropped) = (*onto, 0, 0);
        for (id, commit) in own.iter().rev() {
            let sides = ThreeWay {
                base: Base::Tree(tree(&files, base_of(&files, commit, *onto).await?).await?),
                source: commit.metarange,
                destination: tree(&files, tip).await?,
            };
            match self.three_way(files.clone(), sides, vec![tip], options, &self.info_of(commit)).await? {
                Merged::Clean(built) => {
                    tip = built.id;
                    replayed += 1;
                }
                Merged::Conflicts(conflicts) => return Ok(Rebased::Conflicts { commit: *id, conflicts }),
                Merged::UpToDate | Merged::WouldMerge(_) => dropped += 1,
            }
        }
        Ok(Rebased::Clean { head: tip, replayed, dropped })
    }

    fn info_of(&self, commit: &Commit) -> CommitInfo {
        CommitInfo {
            committer: commit.committer.clone(),
            message: commit.message.clone(),
            metadata: commit.metadata.clone(),
            created_at: self.clock().now(),
            allow_empty: false,
        }
    }
}

/// Whether the line of first parents from `head` passes `commit`.
async fn first_parents_reach(files: &Files, head: CommitId, commit: CommitId) -> Result<bool, Error> {
    let generation = read_commit(files, commit).await?.generation;
    let mut at = head;
    loop {
        if at == commit {
            return Ok(true);
        }
        let here = read_commit(files, at).await?;
        match here.parents.first() {
            Some(parent) if here.generation > generation => at = *parent,
            _ => return Ok(false),
        }
    }
}

/// The commits of the line of first parents that `onto` doesn't reach, newest first.
async fn own_commits(files: &Files, head: CommitId, onto: CommitId) -> Result<Vec<(CommitId, Arc<Commit>)>, Error> {
    let mut own = Vec::new();
    let mut at = head;
    while !reaches(files, onto, at).await? {
        if own.len() == REBASE_COMMITS_MAX {
            let why = format!("more than {REBASE_COMMITS_MAX} commits to replay onto {onto}: merge instead");
            return Err(Error::Invalid(why));
        }
        let commit = read_commit(files, at).await?;
        let nothing = || Error::NothingInCommon { left: head.to_string(), right: onto.to_string() };
        let parent = *commit.parents.first().ok_or_else(nothing)?;
        own.push((at, commit));
        at = parent;
    }
    Ok(own)
}

/// What a commit's change is told against.
async fn base_of(files: &Files, commit: &Commit, onto: CommitId) -> Result<CommitId, Error> {
    for parent in commit.parents.iter().skip(1) {
        if reaches(files, onto, *parent).await? {
            return Ok(*parent);
        }
    }
    commit.parents.first().copied().ok_or_else(|| Error::Internal("a first commit can't be replayed".into()))
}
