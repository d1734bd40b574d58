//! Takes one commit's change back. Owns which way round the trees go; `merge` owns the merging.
//! Invariant: history only grows: a revert is a commit of its own.

use model::{CommitId, Repository};

use super::cherry_pick::parent_of;
use super::merge::{ThreeWay, tree};
use super::virtual_base::Base;
use crate::boxed;
use crate::history::read_commit;
use crate::tree::Files;
use crate::{CommitChange, CommitInfo, Error, Graveler, MergeOptions, Merged};

impl Graveler {
    /// Builds a commit over `destination` without the change of one commit: the three-way merge of its parent into
    /// `destination`, with the commit itself as the base. Its only parent is `destination`.
    ///
    /// Where `destination` has changed an object again since, that is a conflict. Fails with [`Error::ParentNeeded`]
    /// for a merge commit without a parent's number.
    #[boxed]
    pub async fn revert_tree(
        &self,
        repository: &Repository,
        change: CommitChange,
        destination: &CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        self.revert_over(self.files(repository)?, change, *destination, options, info).await
    }

    /// The same, through files that the caller opened.
    pub(super) async fn revert_over(
        &self,
        files: Files,
        change: CommitChange,
        destination: CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let commit = read_commit(&files, change.commit).await?;
        let parent = parent_of(&commit, change)?;
        let sides = ThreeWay {
            base: Base::Tree(commit.metarange),
            source: tree(&files, parent).await?,
            destination: tree(&files, destination).await?,
        };
        self.three_way(files, sides, vec![destination], options, info).await
    }
}
