//! Three-way merge of trees. Owns the rules; `incoming` tells what they come to one by one.
//!
//! For each key, with base b, source s, destination d: s = d → that; s = b → d; d = b → s; else a conflict, which the
//! strategy decides. The same holds for whole ranges, which are then not opened: it is what makes merges cost what
//! was changed on both sides. Invariant: keys *and* identities are compared; content that equals that of another key
//! means nothing.

use std::sync::Arc;

use bytes::Bytes;
use model::MetaRangeId;

use super::apply::{Changes, TreeChange};
use super::base_diff::same_identity;
use super::builder::TreeBuilder;
use super::cursor::{lists_same, open_higher, same_block, same_range, skip_same};
use super::diff::{Difference, TreeDiff};
use super::layers::Tree;
use super::record::{identity_in, identity_of};
use super::write::{Written, write};
use super::{Files, TreeCursor};
use crate::{Error, GravelerOptions};

/// Which side wins where both changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The source.
    SourceWins,
    /// The destination.
    DestinationWins,
}

/// The three trees of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides<T> {
    pub(crate) base: T,
    pub(crate) source: T,
    pub(crate) destination: T,
}

/// What is done at a key that both sides changed, each in its way.
#[derive(Debug, Clone)]
pub(crate) enum OnConflict {
    /// There is no merge.
    Stop,
    /// One side is right.
    Take(Strategy),
    /// This value tells of the conflict, in what will be the base of another merge.
    Mark(Bytes),
}

impl From<Option<Strategy>> for OnConflict {
    fn from(strategy: Option<Strategy>) -> Self {
        strategy.map_or(Self::Stop, Self::Take)
    }
}

/// Writes the merge of three trees; `None` if it stopped at a conflict.
///
/// Of [`Written::changed`], at least so many records of the destination were changed.
pub(crate) async fn merge(
    files: &Files,
    options: &GravelerOptions,
    trees: Sides<Option<MetaRangeId>>,
    on_conflict: &OnConflict,
) -> Result<Option<Written>, Error> {
    for tree in [trees.base, trees.source, trees.destination] {
        if !files.tree(tree).await?.deltas.is_empty() {
            return Box::pin(merge_over_deltas(files, options, trees, on_conflict)).await;
        }
    }
    let mut merge = Merge {
        files,
        base: TreeCursor::open(files, trees.base).await?,
        source: TreeCursor::open(files, trees.source).await?.copying(),
        destination: TreeCursor::open(files, trees.destination).await?.copying(),
        on_conflict,
        builder: TreeBuilder::new(files, options),
        skipped_to: Some(Vec::new()),
        changed: 0,
    };
    loop {
        if merge.whole_ranges().await? || merge.whole_blocks().await? {
            continue;
        }
        match merge.one_key().await? {
            Step::Done => break,
            Step::Conflict => return Ok(None),
            Step::Next => {}
        }
    }
    Ok(Some(Written { root: merge.builder.finish().await?, changed: merge.changed }))
}

/// Merges trees of which some have deltas: what the source changed since the base is written over the destination.
async fn merge_over_deltas(
    files: &Files,
    options: &GravelerOptions,
    trees: Sides<Option<MetaRangeId>>,
    on_conflict: &OnConflict,
) -> Result<Option<Written>, Error> {
    if trees.base == trees.destination {
        return Ok(Some(Written { root: trees.source, changed: 0 }));
    }
    let mut changes = SourceChanges {
        files,
        since_base: TreeDiff::open(files, trees.base, trees.source).await?,
        destination: files.tree(trees.destination).await?,
        on_conflict,
        stopped: false,
    };
    let written = write(files, options, trees.destination, &mut changes).await?;
    Ok((!changes.stopped).then_some(written))
}

/// What a merge changes in its destination.
struct SourceChanges<'a> {
    files: &'a Files,
    since_base: TreeDiff,
    destination: Arc<Tree>,
    on_conflict: &'a OnConflict,
    /// Whether they ended at a conflict.
    stopped: bool,
}

impl Changes for SourceChanges<'_> {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        while !self.stopped
            && let Some(Difference { key, left: base, right: source }) = self.since_base.next().await?
        {
            let found = self.destination.find(self.files, &key).await?;
            let destination = found.as_ref().map(|found| identity_in(found.value()));
            if destination == identity_of(source.as_ref()) {
                continue;
            }
            if destination == identity_of(base.as_ref()) {
                return Ok(Some(TreeChange { key, value: source }));
            }
            match self.on_conflict {
                OnConflict::Stop => self.stopped = true,
                OnConflict::Take(Strategy::SourceWins) => return Ok(Some(TreeChange { key, value: source })),
                OnConflict::Take(Strategy::DestinationWins) => {}
                OnConflict::Mark(mark) => return Ok(Some(TreeChange { key, value: Some(mark.clone()) })),
            }
        }
        Ok(None)
    }
}

struct Merge<'a> {
    files: &'a Files,
    base: TreeCursor,
    source: TreeCursor,
    destination: TreeCursor,
    on_conflict: &'a OnConflict,
    builder: TreeBuilder,
    /// Before this key (`None`: before all) the destination may have had what the source has: it was skipped.
    skipped_to: Option<Vec<u8>>,
    changed: u64,
}

enum Step {
    Next,
    Done,
    Conflict,
}

/// What the merge has at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The source's record, or its absence.
    Source,
    /// The destination's.
    Destination,
    /// Neither's: this.
    Mark(Bytes),
    /// There is no merge.
    Stop,
}

impl Merge<'_> {
    /// Decides what can be decided without opening a range. False if there is nothing such.
    async fn whole_ranges(&mut self) -> Result<bool, Error> {
        if same_range(&self.source, &self.destination) {
            return self.take_common_range().await;
        }
        // Where one side is as the base was, the other side decides: skipping both leaves just that.
        if skip_same(&mut self.base, &mut self.destination).await? {
            self.skipped_to = self.destination.bound().map(<[u8]>::to_vec);
            return Ok(true);
        }
        if skip_same(&mut self.base, &mut self.source).await? {
            return Ok(true);
        }
        if lies_before(&self.source, &self.base, &self.destination) {
            let end = first_bound(&self.base, &self.destination);
            return self.builder.take_range(&mut self.source, end.as_deref()).await;
        }
        if lies_before(&self.destination, &self.base, &self.source) {
            let end = first_bound(&self.base, &self.source);
            return self.builder.take_range(&mut self.destination, end.as_deref()).await;
        }
        if lies_before(&self.base, &self.source, &self.destination) {
            self.base.skip_range().await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Decides what can be decided without decoding a block, once what begins alike is opened alike. False if there is
    /// nothing such.
    async fn whole_blocks(&mut self) -> Result<bool, Error> {
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let mut sides = [&mut self.base, &mut self.source, &mut self.destination];
            let [a, b] = sides.get_disjoint_mut([a, b]).expect("because these are two of three");
            for (higher, other) in [(&**a, &**b), (&**b, &**a)] {
                if higher.is_above(other)
                    && let Some(range) = higher.whole_range()
                {
                    self.builder.rewriting(range);
                }
            }
            if open_higher(a, b).await? {
                return Ok(true);
            }
        }
        if same_block(&self.source, &self.destination) {
            let last_key = self.source.whole_block().map(|(_, last_key)| last_key.to_vec());
            if let Some(last_key) = last_key
                && self.builder.copy_block(&mut self.source, None).await?
            {
                self.destination.skip_block().await?;
                self.base.seek_behind(&last_key).await?;
                return Ok(true);
            }
        }
        if let Some(entries) = self.copy_block(Strategy::SourceWins).await? {
            self.changed += entries;
            return Ok(true);
        }
        Ok(self.copy_block(Strategy::DestinationWins).await?.is_some())
    }

    /// Copies a block of one side that lies before all that the base and the other side have ahead. Says how many of its
    /// entries are surely new to the destination.
    async fn copy_block(&mut self, of: Strategy) -> Result<Option<u64>, Error> {
        let (taken, other) = match of {
            Strategy::SourceWins => (&mut self.source, &self.destination),
            Strategy::DestinationWins => (&mut self.destination, &self.source),
        };
        let end = first_bound(&self.base, other);
        let Some((block, _)) = taken.whole_block() else { return Ok(None) };
        let surely = self.skipped_to.as_ref().is_some_and(|to| to.as_slice() <= block.first_key.as_slice());
        let entries = if surely { block.entries } else { 0 };
        Ok(self.builder.copy_block(taken, end.as_deref()).await?.then_some(entries))
    }

    /// Takes a range that both sides have, whatever the base has there, and what both list alike after it.
    async fn take_common_range(&mut self) -> Result<bool, Error> {
        let Some(range) = self.source.whole_range().cloned() else { return Ok(false) };
        let closed = self.source.is_closed() || self.destination.is_closed();
        self.builder.push_range(&range, closed).await?;
        self.source.leave();
        self.destination.leave();
        let mut last_key = range.last_key.clone();
        while let Some(listed_to) = self.take_common_listed().await? {
            last_key = listed_to;
        }
        self.source.enter().await?;
        self.destination.enter().await?;
        self.base.seek_behind(&last_key).await?;
        Ok(true)
    }

    /// Takes the ranges that both sides' metaranges list in the next block; returns the last key of them.
    async fn take_common_listed(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let (Some((source, _)), Some((destination, _))) =
            (self.source.listing_ahead(), self.destination.listing_ahead())
        else {
            return Ok(None);
        };
        let last_key = source.whole_block().map(|(_, last_key)| last_key.to_vec());
        if !lists_same(source, destination) || !self.builder.take_listed(&mut self.source, None).await? {
            return Ok(None);
        }
        if let Some((destination, _)) = self.destination.listing_ahead() {
            destination.skip_block();
        }
        Ok(last_key)
    }

    /// Merges the smallest key ahead.
    async fn one_key(&mut self) -> Result<Step, Error> {
        let bounds = [self.base.bound(), self.source.bound(), self.destination.bound()];
        let Some(key) = bounds.into_iter().flatten().min().map(<[u8]>::to_vec) else { return Ok(Step::Done) };
        let mut loaded_all = true;
        for cursor in [&mut self.base, &mut self.source, &mut self.destination] {
            if cursor.bound() == Some(&key) && cursor.record().is_none() {
                if let Some(range) = cursor.whole_range() {
                    self.builder.rewriting(range);
                }
                cursor.load().await?;
                loaded_all = false;
            }
        }
        if !loaded_all {
            return Ok(Step::Next);
        }
        self.files.progress.add_objects(1);
        let outcome = self.decide(&key)?;
        match &outcome {
            Outcome::Stop => return Ok(Step::Conflict),
            Outcome::Mark(mark) => self.builder.push(&key, mark).await?,
            Outcome::Source | Outcome::Destination => {
                let taken = if outcome == Outcome::Source { &self.source } else { &self.destination };
                if at(taken, &key).is_some() {
                    self.builder.push_record(taken).await?;
                }
            }
        }
        for cursor in [&mut self.base, &mut self.source, &mut self.destination] {
            if at(cursor, &key).is_some() {
                cursor.advance().await?;
            }
        }
        Ok(Step::Next)
    }

    /// What is right at a key; a change of the destination is counted.
    fn decide(&mut self, key: &[u8]) -> Result<Outcome, Error> {
        if self.same(&self.source, &self.destination, key)? || self.same(&self.source, &self.base, key)? {
            return Ok(Outcome::Destination);
        }
        let outcome = if self.same(&self.destination, &self.base, key)? {
            Outcome::Source
        } else {
            match self.on_conflict {
                OnConflict::Stop => Outcome::Stop,
                OnConflict::Take(Strategy::SourceWins) => Outcome::Source,
                OnConflict::Take(Strategy::DestinationWins) => Outcome::Destination,
                OnConflict::Mark(mark) => Outcome::Mark(mark.clone()),
            }
        };
        let surely =
            at(&self.destination, key).is_some() || self.skipped_to.as_ref().is_some_and(|to| to.as_slice() <= key);
        self.changed += u64::from(outcome == Outcome::Source && surely);
        Ok(outcome)
    }

    /// Whether two sides have the same at a key: both nothing, or records of one identity.
    fn same(&self, a: &TreeCursor, b: &TreeCursor, key: &[u8]) -> Result<bool, Error> {
        match (at(a, key), at(b, key)) {
            (None, None) => Ok(true),
            (Some(a_value), Some(b_value)) => same_identity(self.files, a, a_value, b, b_value),
            _ => Ok(false),
        }
    }
}

/// The value that a cursor stands at, if it stands at `key`.
fn at<'a>(cursor: &'a TreeCursor, key: &[u8]) -> Option<&'a [u8]> {
    cursor.record().filter(|(there, _)| *there == key).map(|(_, value)| value)
}

/// Whether a whole range lies before all that the two others have ahead.
fn lies_before(cursor: &TreeCursor, other: &TreeCursor, another: &TreeCursor) -> bool {
    let Some(range) = cursor.whole_range() else { return false };
    [other, another].iter().all(|other| other.bound().is_none_or(|bound| range.last_key.as_slice() < bound))
}

/// The smallest key that one of two cursors may have ahead.
fn first_bound(a: &TreeCursor, b: &TreeCursor) -> Option<Vec<u8>> {
    [a.bound(), b.bound()].into_iter().flatten().min().map(<[u8]>::to_vec)
}
