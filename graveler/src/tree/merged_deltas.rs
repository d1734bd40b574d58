//! Walks several deltas as one: at each key what the newest has there, tombstones too. Owns which of them have a key;
//! `records` lays it over a base. Invariant: [`MergedDeltas::bound`] is never larger than the next record's key.

use std::sync::Arc;

use storage::Immutable;

use super::apply::{Changes, TreeChange};
use super::layers::Delta;
use super::record::TOMBSTONE;
use super::{Files, TreeCursor};
use crate::Error;

/// A cursor over deltas, which moves forward only.
pub(crate) struct MergedDeltas {
    /// Newest first.
    cursors: Vec<TreeCursor>,
    /// A key that nothing ahead is smaller than; `None` at the end.
    bound: Option<Vec<u8>>,
    /// The newest that has a record at the bound, once all that may have one are loaded.
    newest: Option<usize>,
}

impl MergedDeltas {
    /// A cursor before the first record of some deltas, given oldest first.
    pub(crate) fn over(files: &Files, deltas: &[Arc<Delta>]) -> Self {
        let cursors = deltas.iter().rev().map(|delta| TreeCursor::over(files, Arc::clone(&delta.info)));
        let mut merged = Self { cursors: cursors.collect(), bound: None, newest: None };
        merged.find_bound();
        merged
    }

    /// Expects to be read to the end, once: then nothing of it stays in the caches, and few requests fetch much.
    pub(crate) fn reading_all(self) -> Self {
        Self { cursors: self.cursors.into_iter().map(TreeCursor::copying).collect(), ..self }
    }

    pub(crate) fn bound(&self) -> Option<&[u8]> {
        self.bound.as_deref()
    }

    /// The key and value here, if they are loaded; the value may be a tombstone.
    pub(crate) fn record(&self) -> Option<(&[u8], &[u8])> {
        self.cursors.get(self.newest?)?.record()
    }

    /// The file that the record here is in.
    pub(crate) fn object(&self) -> Option<Immutable> {
        self.cursors.get(self.newest?)?.object()
    }

    /// Loads the next record, if there is one.
    pub(crate) async fn load(&mut self) -> Result<(), Error> {
        while self.newest.is_none() && self.bound.is_some() {
            let bound = self.bound.as_deref();
            let unloaded = self.cursors.iter_mut().find(|cursor| cursor.record().is_none() && cursor.bound() == bound);
            match unloaded {
                Some(cursor) => {
                    cursor.load().await?;
                    self.find_bound();
                }
                None => self.newest = self.cursors.iter().position(|cursor| cursor.bound() == bound),
            }
        }
        Ok(())
    }

    /// Goes past the record here, which must be loaded.
    pub(crate) async fn advance(&mut self) -> Result<(), Error> {
        let Some(newest) = self.newest.take() else {
            return Err(Error::Internal("deltas that aren't loaded can't advance".into()));
        };
        // Those before it stand at larger keys.
        for cursor in &mut self.cursors[newest..] {
            if cursor.record().is_some() && cursor.bound() == self.bound.as_deref() {
                cursor.advance().await?;
            }
        }
        self.find_bound();
        Ok(())
    }

    /// Goes forward to the first record at or after a key.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        if self.bound().is_none_or(|bound| bound >= key) {
            return Ok(());
        }
        for cursor in &mut self.cursors {
            cursor.seek(key).await?;
        }
        self.newest = None;
        self.find_bound();
        Ok(())
    }

    fn find_bound(&mut self) {
        let bound = self.cursors.iter().filter_map(TreeCursor::bound).min();
        match (&mut self.bound, bound) {
            (Some(buffer), Some(bound)) => {
                buffer.clear();
                buffer.extend_from_slice(bound);
            }
            (buffer, bound) => *buffer = bound.map(<[u8]>::to_vec),
        }
    }
}

/// What deltas change in the tree under them.
impl Changes for MergedDeltas {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        self.load().await?;
        let Some((key, value)) = self.record() else { return Ok(None) };
        let value = (value != TOMBSTONE).then(|| bytes::Bytes::copy_from_slice(value));
        let change = TreeChange { key: bytes::Bytes::copy_from_slice(key), value };
        self.advance().await?;
        Ok(Some(change))
    }
}
