//! The difference of two trees without deltas, as a stream. Owns the walk; `diff` lays deltas over it. Invariant: two records are the same only at the same key and with the same identity; ranges and blocks that both
//! trees have are skipped unopened.

use std::cmp::Ordering;

use bytes::Bytes;
use model::MetaRangeId;

use super::cursor::{open_higher, skip_same};
use super::diff::Difference;
use super::{Files, TreeCursor};
use crate::Error;

/// A walk over what differs between two trees without deltas.
pub(crate) struct BaseDiff {
    files: Files,
    left: TreeCursor,
    right: TreeCursor,
}

impl BaseDiff {
    pub(crate) async fn open(
        files: &Files,
        left: Option<MetaRangeId>,
        right: Option<MetaRangeId>,
    ) -> Result<Self, Error> {
        // Equal roots are equal trees: an empty walk needs neither.
        let (left, right) = if left == right { (None, None) } else { (left, right) };
        let (left, right) = TreeCursor::open_both(files, left, right).await?;
        Ok(Self { files: files.clone(), left, right })
    }

    /// Goes forward to the first difference at or after a key.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        self.left.seek(key).await?;
        self.right.seek(key).await
    }

    /// A key that no difference ahead is smaller than; `None` at the end. It doesn't look into ranges.
    pub(crate) async fn bound(&mut self) -> Result<Option<&[u8]>, Error> {
        while skip_same(&mut self.left, &mut self.right).await? {}
        Ok(match (self.left.bound(), self.right.bound()) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        })
    }

    /// Takes the next difference whose key is smaller than `end`, if there is one, and looks at nothing after that.
    pub(crate) async fn next_before(&mut self, end: Option<&[u8]>) -> Result<Option<Difference>, Error> {
        let is_behind = |cursor: &TreeCursor| end.is_some_and(|end| cursor.bound().is_none_or(|bound| bound >= end));
        loop {
            if is_behind(&self.left) && is_behind(&self.right) {
                return Ok(None);
            }
            if skip_same(&mut self.left, &mut self.right).await? {
                continue;
            }
            if open_higher(&mut self.left, &mut self.right).await? {
                continue;
            }
            let order = match (self.left.bound(), self.right.bound()) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => left.cmp(right),
            };
            if order.is_le() && self.left.record().is_none() {
                self.left.load().await?;
            } else if order.is_ge() && self.right.record().is_none() {
                self.right.load().await?;
            } else if let Some(found) = self.take(order).await? {
                return Ok(Some(found));
            }
        }
    }

    /// Takes the loaded records at the smaller key; `None` if they are the same.
    async fn take(&mut self, order: Ordering) -> Result<Option<Difference>, Error> {
        let left = if order.is_le() { self.left.record() } else { None };
        let right = if order.is_ge() { self.right.record() } else { None };
        let found = match (left, right) {
            (Some(left), Some(right)) if self.is_same(left.1, right.1)? => None,
            _ => left.or(right).map(|(key, _)| Difference {
                key: Bytes::copy_from_slice(key),
                left: left.map(|(_, value)| Bytes::copy_from_slice(value)),
                right: right.map(|(_, value)| Bytes::copy_from_slice(value)),
            }),
        };
        if order.is_le() {
            self.left.advance().await?;
        }
        if order.is_ge() {
            self.right.advance().await?;
        }
        Ok(found)
    }

    fn is_same(&self, left: &[u8], right: &[u8]) -> Result<bool, Error> {
        same_identity(&self.files, &self.left, left, &self.right, right)
    }
}

/// Whether two cursors' values have one identity.
pub(crate) fn same_identity(
    files: &Files,
    a: &TreeCursor,
    a_value: &[u8],
    b: &TreeCursor,
    b_value: &[u8],
) -> Result<bool, Error> {
    if a_value == b_value {
        return Ok(true);
    }
    let identity = |cursor: &TreeCursor, value| match cursor.object() {
        Some(object) => files.identity(object, value),
        None => Err(Error::Internal("a record outside of a range".into())),
    };
    Ok(identity(a, a_value)? == identity(b, b_value)?)
}
