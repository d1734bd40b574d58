//! The difference of two trees, as a stream. Owns what deltas add to that of their bases; leaves pages, prefixes and
//! entries to `ops/diff`. Invariant: two records are the same only at the same key and with the same identity; ranges,
//! blocks and deltas that both trees have are skipped unopened, but for lookups at keys that other layers have.
//!
//! Two trees can differ only at keys at which their bases differ, or which a delta has that isn't one of those that both
//! begin with: these keys are walked. What a tree has there, if none of its walked layers tells, is looked up in the layers under them.

use std::sync::Arc;

use bytes::Bytes;
use model::MetaRangeId;

use super::Files;
use super::base_diff::BaseDiff;
use super::layers::Tree;
use super::merged_deltas::MergedDeltas;
use super::record::{TOMBSTONE, identity_of};
use crate::Error;

/// A key at which two trees differ, with the values that they have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) key: Bytes,
    pub(crate) left: Option<Bytes>,
    pub(crate) right: Option<Bytes>,
}

/// A walk over what differs between two trees.
pub(crate) struct TreeDiff {
    files: Files,
    bases: BaseDiff,
    /// The bases' next difference, if it was taken.
    next_of_bases: Option<Difference>,
    left: Side,
    right: Side,
    /// How many deltas both trees begin with.
    common: usize,
}

/// A tree, and its deltas that the other hasn't.
struct Side {
    tree: Arc<Tree>,
    own: MergedDeltas,
}

impl Side {
    fn new(files: &Files, tree: Arc<Tree>, common: usize) -> Self {
        Self { own: MergedDeltas::over(files, &tree.deltas[common..]), tree }
    }

    fn has(&self, key: &[u8]) -> bool {
        self.own.record().is_some_and(|(there, _)| there == key)
    }

    /// What its own deltas have at the key that they stand at.
    fn own_value(&self) -> Option<Bytes> {
        let (_, value) = self.own.record()?;
        (value != TOMBSTONE).then(|| Bytes::copy_from_slice(value))
    }
}

impl TreeDiff {
    pub(crate) async fn open(
        files: &Files,
        left: Option<MetaRangeId>,
        right: Option<MetaRangeId>,
    ) -> Result<Self, Error> {
        // Equal trees are as empty ones: the walk needs neither.
        let equal = left == right || has_same_digest(files, left, right).await?;
        let (left, right) = if equal { (None, None) } else { (left, right) };
        let (left, right) = (files.tree(left).await?, files.tree(right).await?);
        let both = left.deltas.iter().zip(&right.deltas);
        let common = both.take_while(|(left, right)| left.info.object == right.info.object).count();
        Ok(Self {
            files: files.clone(),
            bases: BaseDiff::open(files, left.base, right.base).await?,
            next_of_bases: None,
            left: Side::new(files, left, common),
            right: Side::new(files, right, common),
            common,
        })
    }

    /// Goes forward to the first difference at or after a key.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        self.next_of_bases.take_if(|next| next.key < key);
        self.bases.seek(key).await?;
        self.left.own.seek(key).await?;
        self.right.own.seek(key).await
    }

    /// A key that no difference ahead is smaller than; `None` at the end. It doesn't look into ranges.
    pub(crate) async fn bound(&mut self) -> Result<Option<&[u8]>, Error> {
        let bases = match &self.next_of_bases {
            Some(next) => Some(next.key.as_ref()),
            None => self.bases.bound().await?,
        };
        Ok([bases, self.left.own.bound(), self.right.own.bound()].into_iter().flatten().min())
    }

    /// Takes the next difference.
    pub(crate) async fn next(&mut self) -> Result<Option<Difference>, Error> {
        self.next_before(None).await
    }

    /// Takes the next difference whose key is smaller than `end`, if there is one, and looks at nothing after that.
    pub(crate) async fn next_before(&mut self, end: Option<&[u8]>) -> Result<Option<Difference>, Error> {
        while let Some(key) = self.next_key(end).await? {
            let (in_left, in_right) = (self.left.has(&key), self.right.has(&key));
            let of_bases = self.next_of_bases.take_if(|next| next.key == key);
            let under = if in_left && in_right { BaseValues::default() } else { self.under(&key, of_bases).await? };
            let left = if in_left { self.left.own_value() } else { under.left };
            let right = if in_right { self.right.own_value() } else { under.right };
            if in_left {
                self.left.own.advance().await?;
            }
            if in_right {
                self.right.own.advance().await?;
            }
            if identity_of(left.as_ref()) != identity_of(right.as_ref()) {
                return Ok(Some(Difference { key, left, right }));
            }
        }
        Ok(None)
    }

    /// The smallest key before `end` at which the trees may differ; what walks there is loaded.
    async fn next_key(&mut self, end: Option<&[u8]>) -> Result<Option<Bytes>, Error> {
        let is_due = |key: &&[u8]| end.is_none_or(|end| *key < end);
        if self.next_of_bases.is_none() {
            self.next_of_bases = self.bases.next_before(end).await?;
        }
        for own in [&mut self.left.own, &mut self.right.own] {
            if own.bound().as_ref().is_some_and(is_due) {
                own.load().await?;
            }
        }
        let of_bases = self.next_of_bases.as_ref().map(|next| next.key.as_ref());
        let key = [of_bases, self.left.own.bound(), self.right.own.bound()].into_iter().flatten().min();
        Ok(key.filter(is_due).map(Bytes::copy_from_slice))
    }

    /// What both trees have at a key under their own deltas.
    async fn under(&self, key: &[u8], of_bases: Option<Difference>) -> Result<BaseValues, Error> {
        let tree = &self.left.tree;
        let found = match tree.find_in_deltas(&self.files, key, self.common).await? {
            Some(found) => Some(found),
            None => match of_bases {
                Some(Difference { left, right, .. }) => return Ok(BaseValues { left, right }),
                None => tree.find_in_base(&self.files, key).await?,
            },
        };
        let value = found.map(|found| Bytes::copy_from_slice(found.value())).filter(|value| value != TOMBSTONE);
        Ok(BaseValues { left: value.clone(), right: value })
    }
}

#[derive(Default)]
struct BaseValues {
    left: Option<Bytes>,
    right: Option<Bytes>,
}

/// Whether the trees' digests prove that they hold the same.
pub(crate) async fn has_same_digest(
    files: &Files,
    left: Option<MetaRangeId>,
    right: Option<MetaRangeId>,
) -> Result<bool, Error> {
    let (left, right) = (files.tree(left).await?, files.tree(right).await?);
    Ok(left.digest.is_some() || right.digest.is_some()).map(|deltas| deltas && left.digest() == right.digest())
}

/// Whether two trees hold the same to a reader. Trees of one anchor are compared by their digests alone; else all that
/// isn't equal in their structure is read, up to the first difference.
pub(crate) async fn same_content(
    files: &Files,
    left: Option<MetaRangeId>,
    right: Option<MetaRangeId>,
) -> Result<bool, Error> {
    if left == right {
        return Ok(true);
    }
    let digests = (files.tree(left).await?.digest(), files.tree(right).await?.digest());
    match digests {
        (Some(left), Some(right)) if left.anchor == right.anchor => Ok(left == right),
        _ => Ok(TreeDiff::open(files, left, right).await?.next().await?.is_none()),
    }
}
