//! What two sides changed since their base, side by side: the conflicts of a merge, and the counts of a dry run.
//! Owns the join of two differences by key. Invariant: it agrees with `merge` on every key, by the same comparison.

use std::cmp::Ordering;

use bytes::Bytes;

use super::Files;
use super::diff::{Difference, TreeDiff};
use super::merge::Sides;
use super::record::identity_of;
use crate::Error;

/// A walk over the keys that either side changed.
pub(crate) struct TwoDiffs {
    source: Peeked,
    destination: Peeked,
}

/// A key that at least one side changed, with the values that base and sides have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BothSides {
    pub(crate) key: Bytes,
    pub(crate) values: Sides<Option<Bytes>>,
    pub(crate) changed: ChangedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangedBy {
    Source,
    Destination,
    /// Both, to the same.
    BothAlike,
    /// Both, each in its way.
    Conflict,
}

impl TwoDiffs {
    pub(crate) async fn open(files: &Files, trees: Sides<Option<model::MetaRangeId>>) -> Result<Self, Error> {
        let source = TreeDiff::open(files, trees.base, trees.source).await?;
        let destination = TreeDiff::open(files, trees.base, trees.destination).await?;
        Ok(Self { source: Peeked::new(source), destination: Peeked::new(destination) })
    }

    /// Goes forward to the first key at or behind this one.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        self.source.diff.seek(key).await?;
        self.destination.diff.seek(key).await
    }

    /// Takes the next key that both sides changed, each in its way.
    pub(crate) async fn next_conflict(&mut self) -> Result<Option<BothSides>, Error> {
        while let Some(found) = self.next().await? {
            if found.changed == ChangedBy::Conflict {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Takes the next key that a side changed.
    pub(crate) async fn next(&mut self) -> Result<Option<BothSides>, Error> {
        let order = match (self.source.peek().await?, self.destination.peek().await?) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(source), Some(destination)) => source.key.cmp(&destination.key),
        };
        let source = if order.is_le() { self.source.next.take() } else { None };
        let destination = if order.is_ge() { self.destination.next.take() } else { None };
        Ok(Some(join(source, destination)))
    }
}

fn join(source: Option<Difference>, destination: Option<Difference>) -> BothSides {
    let changed = match (&source, &destination) {
        (Some(_), None) => ChangedBy::Source,
        (None, _) => ChangedBy::Destination,
        (Some(s), Some(d)) if identity_of(s.right.as_ref()) == identity_of(d.right.as_ref()) => ChangedBy::BothAlike,
        (Some(_), Some(_)) => ChangedBy::Conflict,
    };
    let either = source.as_ref().or(destination.as_ref());
    let (key, base) = either.map(|d| (d.key.clone(), d.left.clone())).unwrap_or_default();
    let source = source.map_or_else(|| base.clone(), |d| d.right);
    let destination = destination.map_or_else(|| base.clone(), |d| d.right);
    BothSides { key, values: Sides { base, source, destination }, changed }
}

/// A difference with its next item taken out.
struct Peeked {
    diff: TreeDiff,
    next: Option<Difference>,
}

impl Peeked {
    fn new(diff: TreeDiff) -> Self {
        Self { diff, next: None }
    }

    async fn peek(&mut self) -> Result<Option<&Difference>, Error> {
        if self.next.is_none() {
            self.next = self.diff.next().await?;
        }
        Ok(self.next.as_ref())
    }
}
