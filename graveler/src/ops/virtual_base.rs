//! What the sides of a merge are compared with. Owns the virtual base: several best common ancestors, merged into one
//! tree as git's recursive strategy merges them. `history/merge_base` finds them; `tree/merge` owns the rules.
//!
//! Two ancestors are merged over the merge of *their* best common ancestors, and so on; more than two are merged one
//! after the other, oldest first. Where ancestors conflict, the virtual base has a mark that is equal to nothing
//! (`tree/mark`): the key is a conflict of the merge unless both sides have the same there. Invariant: nothing of a
//! virtual base becomes part of a commit's tree. docs/design/0009-merge-bases.md says why.

use std::collections::HashMap;

use bytes::Bytes;
use model::{CommitId, MetaRangeId};

use super::merge::tree;
use crate::history::merge_bases;
use crate::tree::Files;
use crate::tree::apply::{Changes, TreeChange};
use crate::tree::diff::{TreeDiff, has_same_digest};
use crate::tree::mark::mark;
use crate::tree::merge::{OnConflict, Sides, merge};
use crate::tree::scratch::Scratch;
use crate::tree::write::write;
use crate::{Error, GravelerOptions};

/// What the sides of a merge are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// A tree.
    Tree(Option<MetaRangeId>),
    /// The merge of these commits, none of which is an ancestor of another; the newest first.
    MergeOf(Vec<CommitId>),
}

impl Base {
    /// The base of a merge whose sides have these best common ancestors, at least one.
    pub(super) async fn of(files: &Files, best: Vec<CommitId>) -> Result<Self, Error> {
        match best.as_slice() {
            [only] => Ok(Self::Tree(tree(files, *only).await?)),
            _ => Ok(Self::MergeOf(best)),
        }
    }

    /// Merges what has to be. Returns the tree, and the files through which it is read; what these write is stored.
    ///
    /// It is heavy work.
    pub(super) async fn open(
        self,
        files: Files,
        options: &GravelerOptions,
    ) -> Result<(Files, Option<MetaRangeId>), Error> {
        let best = match self {
            Self::Tree(tree) => return Ok((files, tree)),
            Self::MergeOf(best) => best,
        };
        let scratch = Scratch::new(&files.caches);
        let bases = VirtualBases { files: files.writing_aside(&scratch), options };
        let base = bases.merge_all(best).await?;
        Ok((files.reading_aside(&scratch), base))
    }
}

/// Makes the virtual bases of one merge.
struct VirtualBases<'a> {
    files: Files,
    options: &'a GravelerOptions,
}

/// Some commits, none of which is an ancestor of another, that are merged one after the other.
struct Fold {
    /// Oldest first.
    commits: Vec<CommitId>,
    /// How many are merged.
    count: usize,
    merged: Option<MetaRangeId>,
    /// What the next is merged over, once that is made.
    base: Option<Option<MetaRangeId>>,
}

impl Fold {
    fn begin(newest_first: Vec<CommitId>) -> Self {
        let mut commits = newest_first;
        commits.reverse();
        Self { commits, count: 0, merged: None, base: None }
    }

    fn add(&mut self, merged: Option<MetaRangeId>) {
        (self.merged, self.count, self.base) = (merged, self.count + 1, None);
    }
}

impl VirtualBases<'_> {
    /// Merges commits, given newest first. The recursion has its stack here: histories may be crossed a thousand times.
    async fn merge_all(&self, newest_first: Vec<CommitId>) -> Result<Option<MetaRangeId>, Error> {
        let mut made: HashMap<blake3::Hash, Option<MetaRangeId>> = HashMap::new();
        let mut merges_left = self.options.base_merges_max;
        let mut stack = vec![Fold::begin(newest_first)];
        while let Some(mut fold) = stack.pop() {
            let Some(next) = fold.commits.get(fold.count).copied() else {
                match stack.last_mut() {
                    Some(above) => above.base = Some(fold.merged),
                    None => return Ok(fold.merged),
                }
                continue;
            };
            let so_far = &fold.commits[..=fold.count];
            let (name, added) = (name_of(so_far), tree(&self.files, next).await?);
            let merged = if let Some(made) = made.get(&name) {
                *made
            } else if fold.count == 0 || self.is_same(fold.merged, added).await? {
                added
            } else if let Some(base) = fold.base {
                self.merge(Sides { base, source: added, destination: fold.merged }, mark(&name)).await?
            } else if merges_left == 0 {
                self.mark_differences(fold.merged, added, mark(&name)).await?
            } else {
                merges_left -= 1;
                let best = merge_bases(&self.files, &fold.commits[..fold.count], next).await?;
                stack.extend([fold, Fold::begin(best)]);
                continue;
            };
            made.insert(name, merged);
            fold.add(merged);
            stack.push(fold);
        }
        Err(Error::Internal("a virtual base of nothing".into()))
    }

    async fn is_same(&self, a: Option<MetaRangeId>, b: Option<MetaRangeId>) -> Result<bool, Error> {
        Ok(a == b || has_same_digest(&self.files, a, b).await?)
    }

    async fn merge(&self, trees: Sides<Option<MetaRangeId>>, mark: Bytes) -> Result<Option<MetaRangeId>, Error> {
        let merged = Box::pin(merge(&self.files, self.options, trees, &OnConflict::Mark(mark))).await?;
        let stopped = || Error::Internal("a merge that marks conflicts stopped at one".into());
        Ok(merged.ok_or_else(stopped)?.root)
    }

    /// Merges two trees without a base: nothing tells which of two values is newer, so all that differs is a conflict, and
    /// no change is undone for want of work.
    async fn mark_differences(
        &self,
        a: Option<MetaRangeId>,
        b: Option<MetaRangeId>,
        mark: Bytes,
    ) -> Result<Option<MetaRangeId>, Error> {
        let mut changes = Differences { diff: TreeDiff::open(&self.files, a, b).await?, mark };
        Ok(Box::pin(write(&self.files, self.options, a, &mut changes)).await?.root)
    }
}

fn name_of(commits: &[CommitId]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for id in commits {
        hasher.update(id.as_bytes());
    }
    hasher.finalize()
}

/// Conflicts wherever two trees differ.
struct Differences {
    diff: TreeDiff,
    mark: Bytes,
}

impl Changes for Differences {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        let next = self.diff.next().await?;
        Ok(next.map(|difference| TreeChange { key: difference.key, value: Some(self.mark.clone()) }))
    }
}
