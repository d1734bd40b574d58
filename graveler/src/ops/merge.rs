//! Merges one commit's changes into another's tree. Conflicts are values: all of them, in pages.

use model::{CommitId, Entry, ObjectPath, Repository};

use crate::{Built, ChangeCounts, CommitInfo, Error, Graveler};

/// Which side wins where both changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The source.
    SourceWins,
    /// The destination.
    DestinationWins,
}

/// How to merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MergeOptions {
    /// Decides conflicts; without one, they are the answer.
    pub strategy: Option<Strategy>,
    /// Builds nothing; tells what would come of it.
    pub dry_run: bool,
    /// Conflicts behind this path.
    pub conflicts_after: String,
    /// How many conflicts at most; 0 and more than [`model::PAGE_MAX`] are taken as that.
    pub conflicts_amount: usize,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// A merge commit, to be published.
    Clean(Built),
    /// The dry run of a merge without conflicts: what it would change in the destination.
    WouldMerge(ChangeCounts),
    /// The destination has all of the source already.
    UpToDate,
    /// Both changed the same paths; nothing was built.
    Conflicts(Conflicts),
}

/// One page of conflicts, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// In order.
    pub items: Vec<Conflict>,
    /// Whether more come behind the last.
    pub more: bool,
}

/// A path that both sides changed, each in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub path: ObjectPath,
    /// What their common ancestor has.
    pub base: Option<Entry>,
    /// What the source has.
    pub source: Option<Entry>,
    /// What the destination has.
    pub destination: Option<Entry>,
}

impl Graveler {
    /// Merges the changes of `source` since the merge base into `destination`, and builds the merge commit (parents:
    /// destination, source). Ranges equal on both sides are not read.
    pub async fn merge_tree(
        &self,
        repository: &Repository,
        source: &CommitId,
        destination: &CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let _ = (repository, source, destination, options, info);
        todo!()
    }
}
