//! Merges one commit's changes into another's tree. Owns the choice of the base, the three-way merge that revert,
//! cherry-pick and rebase share, and what a dry run tells; `tree/merge` owns the rules. Invariant: conflicts are values,
//! all of them in pages, and nothing is built where there are any.

use bytes::Bytes;
use model::{CommitId, Entry, MetaRangeId, ObjectPath, PAGE_MAX, Repository};

use super::commit::store_commit;
use crate::graveler::Work;
use crate::history::{merge_base, read_commit};
use crate::tree::Files;
use crate::tree::merge::{Sides, merge};
use crate::tree::two_diffs::{BothSides, ChangedBy, TwoDiffs};
use crate::tree::write::Written;
use crate::{Built, ChangeCounts, CommitInfo, Error, Graveler, GravelerOptions};

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
    /// Makes a commit with one parent, the destination: the source's history stays out of the destination's.
    pub squash: bool,
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
    /// The destination has all of the source already; or nothing changes, where no empty commit is allowed.
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
    /// destination, source; of a squash the destination alone). Ranges equal on both sides are not read.
    pub async fn merge_tree(
        &self,
        repository: &Repository,
        source: &CommitId,
        destination: &CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let files = self.files(repository)?;
        let base = merge_base(&files, *source, *destination).await?;
        self.merge_over(files, base, *source, *destination, options, info).await
    }

    /// The same, through files that the caller opened, with the merge base that it found.
    pub(super) async fn merge_over(
        &self,
        files: Files,
        base: Option<CommitId>,
        source: CommitId,
        destination: CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let nothing = || Error::NothingInCommon { left: source.to_string(), right: destination.to_string() };
        let base = base.ok_or_else(nothing)?;
        if base == source {
            return Ok(Merged::UpToDate);
        }
        let trees = trees(&files, Sides { base, source, destination }).await?;
        let parents = if options.squash { vec![destination] } else { vec![destination, source] };
        self.three_way(files, trees, parents, options, info).await
    }

    /// Merges three trees, and builds the commit of the outcome as the child of `parents`.
    pub(super) async fn three_way(
        &self,
        files: Files,
        trees: Sides<Option<MetaRangeId>>,
        parents: Vec<CommitId>,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let (options, info, bounds) = (options.clone(), info.clone(), self.inner.options.clone());
        let work = if options.dry_run { Work::Scan } else { Work::Build };
        self.heavy(work, async move || {
            if options.dry_run {
                dry_run(&files, trees, &options).await
            } else {
                Box::pin(build(&files, trees, parents, &options, info, &bounds)).await
            }
        })
        .await
    }
}

async fn trees(files: &Files, commits: Sides<CommitId>) -> Result<Sides<Option<MetaRangeId>>, Error> {
    Ok(Sides {
        base: tree(files, commits.base).await?,
        source: tree(files, commits.source).await?,
        destination: tree(files, commits.destination).await?,
    })
}

/// The root of a commit's tree.
pub(super) async fn tree(files: &Files, commit: CommitId) -> Result<Option<MetaRangeId>, Error> {
    Ok(read_commit(files, commit).await?.metarange)
}

async fn build(
    files: &Files,
    trees: Sides<Option<MetaRangeId>>,
    parents: Vec<CommitId>,
    options: &MergeOptions,
    info: CommitInfo,
    bounds: &GravelerOptions,
) -> Result<Merged, Error> {
    let Some(Written { root: metarange, changed }) = merge(files, bounds, trees, options.strategy).await? else {
        return Ok(Merged::Conflicts(conflicts(files, trees, options).await?));
    };
    if metarange == trees.destination && !info.allow_empty {
        return Ok(Merged::UpToDate);
    }
    let mut generation = 0;
    for parent in &parents {
        generation = generation.max(read_commit(files, *parent).await?.generation);
    }
    Ok(Merged::Clean(store_commit(files, info, metarange, parents, generation, changed).await?))
}

async fn dry_run(files: &Files, trees: Sides<Option<MetaRangeId>>, options: &MergeOptions) -> Result<Merged, Error> {
    if options.strategy.is_none() {
        let found = conflicts(files, trees, options).await?;
        if !found.items.is_empty() || !options.conflicts_after.is_empty() {
            return Ok(Merged::Conflicts(found));
        }
    }
    let mut walk = TwoDiffs::open(files, trees).await?;
    let mut counts = ChangeCounts::default();
    while let Some(key) = walk.next().await? {
        let taken = match key.changed {
            ChangedBy::Source => true,
            ChangedBy::Conflict => options.strategy == Some(Strategy::SourceWins),
            ChangedBy::Destination | ChangedBy::BothAlike => false,
        };
        if taken {
            count(&mut counts, &key);
        }
    }
    Ok(Merged::WouldMerge(counts))
}

/// Counts a key whose record the destination gets from the source.
fn count(counts: &mut ChangeCounts, key: &BothSides) {
    match (&key.values.destination, &key.values.source) {
        (None, _) => counts.added += 1,
        (Some(_), None) => counts.removed += 1,
        (Some(_), Some(_)) => counts.changed += 1,
    }
}

async fn conflicts(
    files: &Files,
    trees: Sides<Option<MetaRangeId>>,
    options: &MergeOptions,
) -> Result<Conflicts, Error> {
    let amount = match options.conflicts_amount {
        0 => PAGE_MAX,
        amount => amount.min(PAGE_MAX),
    };
    let mut walk = TwoDiffs::open(files, trees).await?;
    if !options.conflicts_after.is_empty() {
        walk.seek(format!("{}\0", options.conflicts_after).as_bytes()).await?;
    }
    let mut page = Conflicts { items: Vec::new(), more: false };
    while let Some(found) = walk.next_conflict().await? {
        if page.items.len() == amount {
            page.more = true;
            break;
        }
        page.items.push(conflict(files, &found)?);
    }
    Ok(page)
}

fn conflict(files: &Files, found: &BothSides) -> Result<Conflict, Error> {
    let decode = |value: &Option<Bytes>| value.as_ref().map(|value| files.decode_value(value)).transpose();
    Ok(Conflict {
        path: files.decode_path(&found.key)?,
        base: decode(&found.values.base)?,
        source: decode(&found.values.source)?,
        destination: decode(&found.values.destination)?,
    })
}
