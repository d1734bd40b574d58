//! Builds commits: ranges, metarange, commit object. Owns their order; leaves sealing and publishing to the flow that
//! calls it. Invariant: what a file refers to is stored before the file is.

use std::collections::BTreeMap;

use model::{BranchName, Commit, CommitId, MetaRangeId, Repository, StagingToken, Timestamp};

use crate::boxed;
use crate::graveler::Work;
use crate::history::{read_commit, write_commit};
use crate::staging::SealedChanges;
use crate::tree::Files;
use crate::tree::write::write;
use crate::{Error, Graveler, SealedTokens};

/// What a committer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Who.
    pub committer: String,
    /// Why.
    pub message: String,
    /// What else.
    pub metadata: BTreeMap<String, String>,
    /// When.
    pub created_at: Timestamp,
    /// Whether a commit that changes nothing is one.
    pub allow_empty: bool,
}

/// How many entries differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// New paths.
    pub added: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths with another object.
    pub changed: u64,
}

impl ChangeCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.added + self.removed + self.changed
    }
}

/// A commit that is in the object store, and in no ref yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its id.
    pub id: CommitId,
    /// What it says.
    pub commit: Commit,
    /// How many paths it changes. A merge counts those that it had to look at one by one on both sides, and not what it
    /// took over without comparing: at least so many.
    pub changes: u64,
}

impl Graveler {
    /// Builds a commit of what some of a branch's sealed tokens hold (newest first) over a base commit.
    ///
    /// Fails with [`Error::NoChanges`] when a reader would see nothing else than before, unless an empty commit is
    /// allowed; with the refusal `HeadMoved` when a token isn't sealed on the branch any more, since another commit
    /// published it, or when the branch changed while the tokens were read: then look at it again.
    #[boxed]
    pub async fn build_commit(
        &self,
        repository: &Repository,
        base: &CommitId,
        branch: &BranchName,
        sealed: &[StagingToken],
        info: &CommitInfo,
    ) -> Result<Built, Error> {
        let sealed = SealedTokens { branch: branch.clone(), tokens: sealed.to_vec(), read_at: None };
        self.commit_over(self.files(repository)?, repository, *base, &sealed, info).await
    }

    /// The same, through files that the caller opened.
    pub(super) async fn commit_over(
        &self,
        files: Files,
        repository: &Repository,
        base: CommitId,
        sealed: &SealedTokens,
        info: &CommitInfo,
    ) -> Result<Built, Error> {
        let mut changes = SealedChanges::new(self, repository, sealed, files.progress.clone());
        let (info, options) = (info.clone(), self.inner.options.clone());
        self.heavy(Work::Build, async move || {
            let parent = read_commit(&files, base).await?;
            let written = write(&files, &options, parent.metarange, &mut changes).await?;
            if written.changed == 0 && !info.allow_empty {
                return Err(Error::NoChanges);
            }
            store_commit(&files, info, written.root, vec![base], parent.generation, written.changed).await
        })
        .await
    }
}

/// Writes the commit object of a tree that is stored.
pub(crate) async fn store_commit(
    files: &Files,
    info: CommitInfo,
    metarange: Option<MetaRangeId>,
    parents: Vec<CommitId>,
    generation_max: u64,
    changes: u64,
) -> Result<Built, Error> {
    let commit = Commit {
        metarange,
        parents,
        generation: generation_max + 1,
        committer: info.committer,
        message: info.message,
        created_at: info.created_at,
        metadata: info.metadata,
    };
    let id = write_commit(files, &commit).await?;
    Ok(Built { id, commit, changes })
}
