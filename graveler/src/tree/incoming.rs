//! What a merge brings into its destination, key by key: what only the source changed since the base, and conflicts.
//! Owns the join of two differences; `merge` owns the rules. Invariant: it agrees with `merge` on every key, by the same
//! comparison.
//!
//! With base b, source s, destination d, these are the keys at which s ≠ b and s ≠ d: those of two differences that both
//! have s on their right. What the destination alone changed isn't in the one, and what both changed alike isn't in the
//! other; neither is read where its ranges tell.

use std::cmp::Ordering;

use bytes::Bytes;
use model::MetaRangeId;

use super::Files;
use super::diff::{Difference, TreeDiff};
use super::merge::Sides;
use super::record::identity_of;
use crate::Error;

/// A walk over the keys at which a merge has to change its destination, or can't tell.
pub(crate) struct Incoming {
    since_base: TreeDiff,
    to_source: TreeDiff,
}

/// A key at which the source has something that it has changed and the destination hasn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: Bytes,
    pub(crate) values: Sides<Option<Bytes>>,
    /// Whether the destination changed it too, in another way.
    pub(crate) is_conflict: bool,
}

impl Incoming {
    pub(crate) async fn open(files: &Files, trees: Sides<Option<MetaRangeId>>) -> Result<Self, Error> {
        Ok(Self {
            since_base: TreeDiff::open(files, trees.base, trees.source).await?,
            to_source: TreeDiff::open(files, trees.destination, trees.source).await?,
        })
    }

    /// Goes forward to the first change at or after a key.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        self.since_base.seek(key).await?;
        self.to_source.seek(key).await
    }

    /// A key that no change ahead is smaller than; `None` if there is none ahead. It doesn't look into ranges.
    pub(crate) async fn bound(&mut self) -> Result<Option<&[u8]>, Error> {
        let bounds = (self.since_base.bound().await?, self.to_source.bound().await?);
        Ok(bounds.0.zip(bounds.1).map(|(since_base, to_source)| since_base.max(to_source)))
    }

    /// Takes the next key that is in conflict.
    pub(crate) async fn next_conflict(&mut self) -> Result<Option<Change>, Error> {
        while let Some(change) = self.next().await? {
            if change.is_conflict {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    /// Takes the next change.
    pub(crate) async fn next(&mut self) -> Result<Option<Change>, Error> {
        while self.meet().await? {
            let Some(since_base) = self.since_base.next().await? else { return Ok(None) };
            self.to_source.seek(&since_base.key).await?;
            let behind = [since_base.key.as_ref(), b"\0"].concat();
            if let Some(to_source) = self.to_source.next_before(Some(&behind)).await? {
                return Ok(Some(join(since_base, to_source)));
            }
        }
        Ok(None)
    }

    /// Brings both differences to a key that either may have, passing by what only one may have. False at the end.
    async fn meet(&mut self) -> Result<bool, Error> {
        loop {
            let bounds = (self.since_base.bound().await?, self.to_source.bound().await?);
            let (Some(since_base), Some(to_source)) = bounds else { return Ok(false) };
            match since_base.cmp(to_source) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => {
                    let key = to_source.to_vec();
                    self.since_base.seek(&key).await?;
                }
                Ordering::Greater => {
                    let key = since_base.to_vec();
                    self.to_source.seek(&key).await?;
                }
            }
        }
    }
}

fn join(since_base: Difference, to_source: Difference) -> Change {
    let (base, destination) = (since_base.left, to_source.left);
    let is_conflict = identity_of(base.as_ref()) != identity_of(destination.as_ref());
    Change { key: since_base.key, values: Sides { base, source: since_base.right, destination }, is_conflict }
}
