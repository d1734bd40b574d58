//! Builds commits one upon another before any of them is published: what lets many commits and merges into one branch
//! share one publication. Owns the tip and what is remembered along the way; the verbs are `commit`'s and `merge`'s.
//! Invariant: what fails leaves the tip where it was, and nothing refers to a commit of a chain before
//! [`CommitChain::settle`] has said that all is stored.

use std::sync::Arc;

use model::{CommitId, Repository};

use super::cherry_pick::CommitChange;
use super::commit::{Built, CommitInfo};
use super::merge::{MergeOptions, Merged};
use crate::boxed;
use crate::history::Lineage;
use crate::tree::Files;
use crate::tree::write_behind::WriteBehind;
use crate::{Error, Graveler, Progress, SealedTokens, Strategy};

/// Commits over a branch's head, the last of which may become its next.
pub struct CommitChain {
    graveler: Graveler,
    repository: Repository,
    files: Files,
    behind: Arc<WriteBehind>,
    lineage: Option<Lineage>,
    tip: CommitId,
}

/// Which way round a commit's change is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It is taken back.
    Revert,
    /// It is made again.
    CherryPick,
}

impl Graveler {
    /// Begins a chain over a branch's head.
    pub fn chain(&self, repository: &Repository, head: CommitId) -> Result<CommitChain, Error> {
        let behind = WriteBehind::new();
        let files = self.files(repository)?.behind(Arc::clone(&behind));
        Ok(CommitChain {
            graveler: self.clone(),
            repository: repository.clone(),
            files,
            behind,
            lineage: None,
            tip: head,
        })
    }
}

impl CommitChain {
    /// Where the next commit goes.
    pub fn tip(&self) -> CommitId {
        self.tip
    }

    /// Goes on over another commit, as if nothing had been built.
    pub fn restart(&mut self, head: CommitId) {
        if self.tip != head {
            self.tip = head;
            self.lineage = None;
        }
    }

    /// Commits sealed tokens. As [`Graveler::build_commit`].
    #[boxed]
    pub async fn commit(
        &mut self,
        sealed: &SealedTokens,
        info: &CommitInfo,
        progress: &Progress,
    ) -> Result<Built, Error> {
        let files = self.files.counting(progress);
        let built = self.graveler.commit_over(files, &self.repository, self.tip, sealed, info).await?;
        self.go_on(built.id).await?;
        Ok(built)
    }

    /// Merges a commit. As [`Graveler::merge_tree`].
    #[boxed]
    pub async fn merge(
        &mut self,
        source: CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
        progress: &Progress,
    ) -> Result<Merged, Error> {
        let lineage = match &mut self.lineage {
            Some(lineage) => lineage,
            none => none.insert(Lineage::of(&self.files, self.tip).await?),
        };
        let best = lineage.bases(&self.files, source).await?;
        let files = self.files.counting(progress);
        let merged = self.graveler.merge_over(files, best, source, self.tip, options, info).await?;
        self.gone_on(merged).await
    }

    /// Replays a commit's change. As [`Graveler::revert_tree`] and [`Graveler::cherry_pick_tree`].
    #[boxed]
    pub async fn replay(
        &mut self,
        replay: Replay,
        change: CommitChange,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let files = self.files.clone();
        let merged = match replay {
            Replay::Revert => self.graveler.revert_over(files, change, self.tip, options, info).await?,
            Replay::CherryPick => self.graveler.cherry_pick_over(files, change, self.tip, options, info).await?,
        };
        self.gone_on(merged).await
    }

    /// Appends a commit that was built over `base`: as it is if that is the tip, else its change, applied over the tip.
    /// Where both changed an object, the commit's is taken.
    #[boxed]
    pub async fn append(&mut self, built: Built, base: CommitId) -> Result<Built, Error> {
        if base == self.tip {
            self.go_on(built.id).await?;
            return Ok(built);
        }
        let info = CommitInfo {
            committer: built.commit.committer.clone(),
            message: built.commit.message.clone(),
            metadata: built.commit.metadata.clone(),
            created_at: self.graveler.clock().now(),
            allow_empty: true,
        };
        let options = MergeOptions { strategy: Some(Strategy::SourceWins), ..MergeOptions::default() };
        let change = CommitChange { commit: built.id, parent: Some(1) };
        match self.replay(Replay::CherryPick, change, &options, &info).await? {
            Merged::Clean(again) => Ok(Built { changes: built.changes, ..again }),
            other => Err(Error::Internal(format!("appending a commit came to {other:?}"))),
        }
    }

    /// Waits until all that was built is stored.
    #[boxed]
    pub async fn settle(&self) -> Result<(), Error> {
        self.behind.settle().await
    }

    async fn gone_on(&mut self, merged: Merged) -> Result<Merged, Error> {
        if let Merged::Clean(built) = &merged {
            self.go_on(built.id).await?;
        }
        Ok(merged)
    }

    async fn go_on(&mut self, tip: CommitId) -> Result<(), Error> {
        if let Some(lineage) = &mut self.lineage {
            lineage.advance(&self.files, tip).await?;
        }
        self.tip = tip;
        Ok(())
    }
}
