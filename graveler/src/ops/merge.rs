//! Merges one commit's changes into another's tree. Owns the three-way merge that revert, cherry-pick and rebase share, and
//! what a dry run tells; `virtual_base` owns what sides are compared with, `tree/merge` the rules. Invariant: conflicts are values,
//! all of them in pages, and nothing is built where there are any.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use model::{CommitId, Entry, MetaRangeId, ObjectPath, PAGE_MAX, Repository};

use super::commit::store_commit;
use super::prefix::Shows;
use super::virtual_base::Base;
use crate::boxed;
use crate::graveler::Work;
use crate::history::{merge_bases, read_commit};
use crate::tree::Files;
use crate::tree::incoming::{Change, Incoming};
use crate::tree::mark::is_mark;
use crate::tree::merge::{Sides, merge};
use crate::tree::write::Written;
use crate::{Built, ChangeCounts, CommitInfo, Error, Graveler, GravelerOptions, Strategy};

/// Which conflicts are told by their paths; all, unless said otherwise. The others are counted.
#[derive(Clone, Default)]
pub struct NamedPaths(Option<Arc<Shows>>);

impl NamedPaths {
    /// Those that `shows` lets through.
    pub fn those(shows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(shows)))
    }

    /// Returns whether a path is told.
    pub fn has(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|shows| shows(path))
    }
}

impl fmt::Debug for NamedPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "NamedPaths(some)" } else { "NamedPaths(all)" })
    }
}

/// How to merge.
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// Decides conflicts; without one, they are the answer.
    pub strategy: Option<Strategy>,
    /// Builds nothing; tells what would come of it.
    pub dry_run: bool,
    /// Makes a commit with one parent, the destination: the source's history stays out of the destination's.
    pub squash: bool,
    /// Conflicts after this path.
    pub conflicts_after: String,
    /// How many conflicts at most; 0 and more than [`model::PAGE_MAX`] are taken as that.
    pub conflicts_amount: usize,
    /// Which conflicts are told by their paths.
    pub named: NamedPaths,
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
    /// Those that are told by their paths, in order.
    pub items: Vec<Conflict>,
    /// How many others there are before the last of them; if no more come, at any place after `conflicts_after`.
    pub unnamed: u64,
    /// Whether more come after the last.
    pub more: bool,
}

/// A path that both sides changed, each in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub path: ObjectPath,
    /// What their common ancestor has; `None` too if they have several that disagree here.
    pub base: Option<Entry>,
    /// What the source has.
    pub source: Option<Entry>,
    /// What the destination has.
    pub destination: Option<Entry>,
}

impl Graveler {
    /// Merges the changes of `source` since the best common ancestors into `destination`, and builds the merge commit
    /// (parents: destination, source; of a squash the destination alone). Ranges equal on both sides are not read.
    #[boxed]
    pub async fn merge_tree(
        &self,
        repository: &Repository,
        source: &CommitId,
        destination: &CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let files = self.files(repository)?;
        let best = merge_bases(&files, &[*source], *destination).await?;
        self.merge_over(files, best, *source, *destination, options, info).await
    }

    /// The same, through files that the caller opened, with the best common ancestors that it found.
    pub(super) async fn merge_over(
        &self,
        files: Files,
        best: Vec<CommitId>,
        source: CommitId,
        destination: CommitId,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        if best.is_empty() {
            return Err(Error::NothingInCommon { left: source.to_string(), right: destination.to_string() });
        }
        // An ancestor of the destination is the only best one.
        if best == [source] {
            return Ok(Merged::UpToDate);
        }
        let sides = ThreeWay {
            base: Base::of(&files, best).await?,
            source: tree(&files, source).await?,
            destination: tree(&files, destination).await?,
        };
        let parents = if options.squash { vec![destination] } else { vec![destination, source] };
        self.three_way(files, sides, parents, options, info).await
    }

    /// Merges trees, and builds the commit of the outcome as the child of `parents`.
    pub(super) async fn three_way(
        &self,
        files: Files,
        sides: ThreeWay,
        parents: Vec<CommitId>,
        options: &MergeOptions,
        info: &CommitInfo,
    ) -> Result<Merged, Error> {
        let (options, info, bounds) = (options.clone(), info.clone(), self.inner.options.clone());
        let work = if options.dry_run { Work::Scan } else { Work::Build };
        self.heavy(work, async move || {
            let (files, trees) = Box::pin(sides.open(files, &bounds)).await?;
            if options.dry_run {
                dry_run(&files, trees, &options).await
            } else {
                Box::pin(build(&files, trees, parents, &options, info, &bounds)).await
            }
        })
        .await
    }
}

/// What is merged: the trees of two sides, and what they are compared with.
pub(super) struct ThreeWay {
    pub(super) base: Base,
    pub(super) source: Option<MetaRangeId>,
    pub(super) destination: Option<MetaRangeId>,
}

impl ThreeWay {
    /// Opens the base; returns the trees, and the files through which they are read. It is heavy work.
    pub(super) async fn open(
        self,
        files: Files,
        bounds: &GravelerOptions,
    ) -> Result<(Files, Sides<Option<MetaRangeId>>), Error> {
        let Self { base, source, destination } = self;
        let (files, base) = base.open(files, bounds).await?;
        Ok((files, Sides { base, source, destination }))
    }
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
    let merged = merge(files, bounds, trees, &options.strategy.into()).await?;
    let Some(Written { root: metarange, changed }) = merged else {
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
        if !found.items.is_empty() || found.unnamed > 0 || !options.conflicts_after.is_empty() {
            return Ok(Merged::Conflicts(found));
        }
    }
    let mut walk = Incoming::open(files, trees).await?;
    let mut counts = ChangeCounts::default();
    while let Some(change) = walk.next().await? {
        if !change.is_conflict || options.strategy == Some(Strategy::SourceWins) {
            count(&mut counts, &change);
        }
    }
    Ok(Merged::WouldMerge(counts))
}

/// Counts a key whose record the destination gets from the source.
fn count(counts: &mut ChangeCounts, change: &Change) {
    match (&change.values.destination, &change.values.source) {
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
    let mut walk = Incoming::open(files, trees).await?;
    if !options.conflicts_after.is_empty() {
        walk.seek(format!("{}\0", options.conflicts_after).as_bytes()).await?;
    }
    let mut page = Conflicts { items: Vec::new(), unnamed: 0, more: false };
    while let Some(found) = walk.next_conflict().await? {
        if page.items.len() == amount {
            page.more = true;
            break;
        }
        if options.named.has(files.decode_path(&found.key)?.as_str()) {
            page.items.push(conflict(files, &found)?);
        } else {
            page.unnamed += 1;
        }
    }
    Ok(page)
}

fn conflict(files: &Files, found: &Change) -> Result<Conflict, Error> {
    let decode = |value: &Option<Bytes>| value.as_ref().map(|value| files.decode_value(value)).transpose();
    let base = found.values.base.clone().filter(|value| !is_mark(value));
    Ok(Conflict {
        path: files.decode_path(&found.key)?,
        base: decode(&base)?,
        source: decode(&found.values.source)?,
        destination: decode(&found.values.destination)?,
    })
}
