//! Walks the records of a tree through all its layers, as its readers see them. Owns that the newest layer hides what
//! lies under it; each layer is walked by `cursor`. Invariant: where no delta has a record ahead of the base's next, the
//! deltas aren't looked at.

use model::MetaRangeId;
use storage::Immutable;

use super::merged_deltas::MergedDeltas;
use super::record::TOMBSTONE;
use super::{Files, TreeCursor};
use crate::Error;

/// A cursor over a tree's records, which moves forward only.
pub(crate) struct RecordCursor {
    base: TreeCursor,
    deltas: MergedDeltas,
}

impl RecordCursor {
    /// A cursor before a tree's first record.
    pub(crate) async fn open(files: &Files, tree: Option<MetaRangeId>) -> Result<Self, Error> {
        let tree = files.tree(tree).await?;
        let base = TreeCursor::open(files, tree.base).await?;
        Ok(Self { base, deltas: MergedDeltas::over(files, &tree.deltas) })
    }

    /// Whether what comes next comes out of the base, and no delta has its key.
    fn in_base(&self) -> bool {
        match (self.base.bound(), self.deltas.bound()) {
            (_, None) => true,
            (base, Some(delta)) => base.is_some_and(|base| base < delta),
        }
    }

    /// A key that no record ahead is smaller than; `None` at the end.
    pub(crate) fn bound(&self) -> Option<&[u8]> {
        if self.in_base() { self.base.bound() } else { self.deltas.bound() }
    }

    /// The record here, if it is loaded.
    pub(crate) fn record(&self) -> Option<(&[u8], &[u8])> {
        if self.in_base() {
            return self.base.record();
        }
        self.deltas.record().filter(|(_, value)| *value != TOMBSTONE)
    }

    /// The file that the record here is in.
    pub(crate) fn object(&self) -> Option<Immutable> {
        if self.in_base() { self.base.object() } else { self.deltas.object() }
    }

    /// Comes closer to the record here.
    pub(crate) async fn load(&mut self) -> Result<(), Error> {
        if self.in_base() {
            return self.base.load().await;
        }
        self.deltas.load().await?;
        // Loading may have shown that the delta's next key is after the base's.
        let is_tombstone = self.deltas.record().is_some_and(|(_, value)| value == TOMBSTONE);
        if is_tombstone && !self.in_base() { self.behind_delta().await } else { Ok(()) }
    }

    /// Goes past the record here, which must be loaded.
    pub(crate) async fn advance(&mut self) -> Result<(), Error> {
        if self.in_base() { self.base.advance().await } else { self.behind_delta().await }
    }

    /// Goes past the delta's record, and after what it hides.
    async fn behind_delta(&mut self) -> Result<(), Error> {
        if let Some((key, _)) = self.deltas.record()
            && self.base.bound() == Some(key)
        {
            match self.base.record() {
                Some(_) => self.base.advance().await?,
                None => self.base.seek_behind(key).await?,
            }
        }
        self.deltas.advance().await
    }

    /// Goes forward to the first record at or after `key`.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        self.base.seek(key).await?;
        self.deltas.seek(key).await
    }
}
