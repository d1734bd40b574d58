//! Changes of single commits, taken back or made again. Conflicts are values.

use std::collections::BTreeMap;

use futures::stream::BoxStream;
use model::{BranchName, CommitId, RepositoryName};
use proto::api::{InvalidField, parse};
use proto::generated::api as wire;
use wire::rebase_response::Outcome;

use crate::error::required;
use crate::merges::strategy_to_wire;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Conflict, Conflicts, Error, Lakebed, MergeOutcome, Strategy};

/// How to revert or pick a commit.
#[derive(Debug, Clone, Default)]
pub struct ReplayOptions {
    /// Against which of its parents, from 1; a merge commit needs one.
    pub parent: Option<u32>,
    /// The new commit's; empty for the usual one.
    pub message: String,
    /// What else the new commit shall hold.
    pub metadata: BTreeMap<String, String>,
    /// Whether to commit even if nothing changes.
    pub allow_empty: bool,
    /// Decides conflicts; without one they are the answer.
    pub strategy: Option<Strategy>,
    /// Tells what would come of it and changes nothing.
    pub dry_run: bool,
    /// Conflicts after this path.
    pub conflicts_after: String,
    /// How many conflicts at most, up to 1,000; 0 is 100.
    pub conflicts_amount: u32,
}

/// How to rebase.
#[derive(Debug, Clone, Default)]
pub struct RebaseOptions {
    /// Decides conflicts; without one they are the answer. The source is the commit that is made anew.
    pub strategy: Option<Strategy>,
    /// Conflicts after this path.
    pub conflicts_after: String,
}

/// What is done with a commit's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It is taken back.
    Revert,
    /// It is made again.
    CherryPick,
}

/// What came of a rebase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebaseOutcome {
    /// It is done.
    Rebased {
        /// The branch's new head.
        head: CommitId,
        /// How many commits were made anew.
        replayed: u64,
        /// How many brought nothing new, and were left out.
        dropped: u64,
    },
    /// The branch begins at the new base already.
    UpToDate {
        /// The branch's head.
        head: CommitId,
    },
    /// A commit couldn't be replayed; nothing was changed.
    Conflicts {
        /// Which.
        commit: CommitId,
        /// Where; `source` is that commit's side, `destination` that of what was replayed before it.
        conflicts: Conflicts,
    },
}

impl Lakebed {
    /// Makes a commit that takes a commit's change back; [`crate::Reason::NoChanges`] where nothing would change.
    pub async fn revert(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        commit: &str,
        options: ReplayOptions,
    ) -> Result<MergeOutcome, Error> {
        self.replay(Replay::Revert, repository, branch, commit, options).await
    }

    /// Makes a commit with another commit's change; [`crate::Reason::NoChanges`] where nothing would change.
    pub async fn cherry_pick(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        commit: &str,
        options: ReplayOptions,
    ) -> Result<MergeOutcome, Error> {
        self.replay(Replay::CherryPick, repository, branch, commit, options).await
    }

    /// Reverts or picks a commit.
    pub async fn replay(
        &self,
        what: Replay,
        repository: &RepositoryName,
        branch: &BranchName,
        commit: &str,
        options: ReplayOptions,
    ) -> Result<MergeOutcome, Error> {
        let request = wire::ReplayRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            commit: commit.to_owned(),
            parent: options.parent.unwrap_or_default(),
            message: options.message,
            metadata: options.metadata,
            allow_empty: options.allow_empty,
            strategy: strategy_to_wire(options.strategy).into(),
            dry_run: options.dry_run,
            conflicts_after: options.conflicts_after,
            conflicts_amount: options.conflicts_amount,
        };
        let answer = match what {
            Replay::Revert => self.replays().revert(request).await?,
            Replay::CherryPick => self.replays().cherry_pick(request).await?,
        };
        Ok(required(answer.into_inner().outcome, "outcome")?.try_into()?)
    }

    /// Streams the conflicts that reverting or picking a commit would have, in the order of paths, changing nothing: all
    /// that the caller may list.
    pub fn replay_conflicts(
        &self,
        what: Replay,
        repository: &RepositoryName,
        branch: &BranchName,
        commit: &str,
        parent: Option<u32>,
    ) -> BoxStream<'static, Result<Conflict, Error>> {
        let (lakebed, repository) = (self.clone(), repository.clone());
        let (branch, commit) = (branch.clone(), commit.to_owned());
        pages(String::new(), move |conflicts_after| {
            let (lakebed, repository) = (lakebed.clone(), repository.clone());
            let (branch, commit) = (branch.clone(), commit.clone());
            let options = ReplayOptions {
                parent,
                dry_run: true,
                conflicts_after,
                conflicts_amount: PAGE_ITEMS,
                ..ReplayOptions::default()
            };
            async move {
                match lakebed.replay(what, &repository, &branch, &commit, options).await? {
                    MergeOutcome::Conflicts(found) => Ok(Page { items: found.items, next_after: found.next_after }),
                    _ => Ok(Page { items: Vec::new(), next_after: None }),
                }
            }
        })
    }

    /// Makes a branch's own commits anew onto another ref, all of them or none. If there are conflicts, the answer has up
    /// to 1,000 of them.
    pub async fn rebase(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        onto: &str,
        options: RebaseOptions,
    ) -> Result<RebaseOutcome, Error> {
        let request = wire::RebaseRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            onto: onto.to_owned(),
            strategy: strategy_to_wire(options.strategy).into(),
            conflicts_after: options.conflicts_after,
            conflicts_amount: PAGE_ITEMS,
        };
        let answer = self.replays().rebase(request).await?.into_inner();
        Ok(required(answer.outcome, "outcome")?.try_into()?)
    }
}

impl TryFrom<Outcome> for RebaseOutcome {
    type Error = InvalidField;

    fn try_from(outcome: Outcome) -> Result<Self, InvalidField> {
        Ok(match outcome {
            Outcome::Rebased(wire::Rebased { commit_id, replayed, dropped }) => {
                Self::Rebased { head: parse("commit_id", &commit_id)?, replayed, dropped }
            }
            Outcome::UpToDate(head) => Self::UpToDate { head: parse("commit_id", &head.commit_id)? },
            Outcome::Conflicts(found) => Self::Conflicts {
                commit: parse("commit_id", &found.commit_id)?,
                conflicts: found.conflicts.unwrap_or_default().try_into()?,
            },
        })
    }
}
