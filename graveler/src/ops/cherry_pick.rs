//! Applies one commit's change to another tree. Owns which change a commit stands for; `merge` owns the merging.
//! Invariant: what a commit didn't change stays as the destination has it.

use model::{Commit, CommitId, Repository};

use super::merge::{ThreeWay, tree};
use super::virtual_base::Base;
use crate::boxed;
use crate::history::read_commit;
use crate::tree::Files;
use crate::{CommitInfo, Error, Graveler, MergeOptions, Merged};

/// One commit's change: what leads from a parent of it to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitChange {
    /// The commit.
    pub commit: CommitId,
    /// Which parent, from 1; a merge commit needs one, others have only the first.
    pub parent: Option<u32>,
}

impl Graveler {
    /// Builds a commit over `destination` with the change of one commit: the three-way merge of that commit into
    /// `destination`, with its parent as the base. Its only parent is `destination`.
    ///
    /// Fails with [`Error::ParentNeeded`] for a merge commit without a parent's number.
    #[boxed]
    pub async fn cherry_pick_tree(
        &self,
        repository: &Repository,
        change: CommitChange,
        destination: &CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        self.cherry_pick_over(self.files(repository)?, change, *destination, options, info).await
    }

    /// The same, through files that the caller opened.
    pub(super) async fn cherry_pick_over(
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
            base: Base::Tree(tree(&files, parent).await?),
            source: commit.metarange,
            destination: tree(&files, destination).await?,
        };
        self.three_way(files, sides, vec![destination], options, info).await
    }
}

/// The parent that a commit's change is told against.
pub(super) fn parent_of(commit: &Commit, change: CommitChange) -> Result<CommitId, Error> {
    let CommitChange { commit: id, parent } = change;
    let number = match (parent, commit.parents.len()) {
        (_, 0) => return Err(Error::Invalid(format!("{id} is the repository's first commit: it changes nothing"))),
        (Some(number), _) => number,
        (None, 1) => 1,
        (None, parents) => return Err(Error::ParentNeeded { commit: id, parents }),
    };
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    at.and_then(|at| commit.parents.get(at)).copied().ok_or_else(|| {
        Error::Invalid(format!("{id} has no parent number {number}: it has {} of them", commit.parents.len()))
    })
}
