//! Walks a tree's records in order, range by range. Owns laziness: a range that nobody looks into isn't opened, and
//! can be skipped or taken whole. Invariant: [`TreeCursor::bound`] is never larger than the next record's key.

use std::sync::Arc;

use model::MetaRangeId;
use storage::Immutable;

use super::files::Files;
use super::range_info::RangeInfo;
use super::table_cursor::TableCursor;
use crate::Error;
use crate::sstable::BlockHash;

/// A cursor over a tree's records, which moves forward only.
pub(crate) struct TreeCursor {
    files: Files,
    /// Over the metarange, one record ahead of `here`; `None` for the empty tree.
    ranges: Option<TableCursor>,
    here: Option<Here>,
    /// Whether ranges that are opened will be read to their end.
    copies: bool,
}

/// The range that the cursor is in.
struct Here {
    info: Arc<RangeInfo>,
    /// Whether a range follows, so that this one ended with a cut and not with its tree.
    closed: bool,
    /// Where in the range to begin, as long as it isn't opened.
    from: Option<Vec<u8>>,
    inside: Option<TableCursor>,
}

impl TreeCursor {
    /// A cursor before a tree's first record.
    pub(crate) async fn open(files: &Files, tree: Option<MetaRangeId>) -> Result<Self, Error> {
        let ranges = match tree {
            None => None,
            Some(id) => Some(TableCursor::new(files.clone(), files.metarange(id).await?)),
        };
        let mut cursor = Self { files: files.clone(), ranges, here: None, copies: false };
        cursor.next_range().await?;
        Ok(cursor)
    }

    /// Expects that ranges which are opened are read to their end, so that fewer requests fetch more.
    pub(crate) fn copying(self) -> Self {
        Self { copies: true, ..self }
    }

    /// Enters the range that the metarange's cursor stands at, unopened.
    async fn next_range(&mut self) -> Result<(), Error> {
        let before = self.here.take();
        let Some(ranges) = &mut self.ranges else { return Ok(()) };
        if !ranges.load().await? {
            return Ok(());
        }
        let (key, value) = ranges.record().expect("because it was just loaded");
        let info = self.files.range_info(ranges.object(), key, value)?;
        if let Some(before) = before
            && before.info.last_key >= info.first_key
        {
            return Err(self.files.overlap(ranges.object()));
        }
        ranges.step();
        let closed = ranges.load().await?;
        self.here = Some(Here { info: Arc::new(info), closed, from: None, inside: None });
        Ok(())
    }

    /// A key that no record ahead is smaller than; `None` at the end.
    pub(crate) fn bound(&self) -> Option<&[u8]> {
        let here = self.here.as_ref()?;
        match &here.inside {
            None => Some(here.from.as_deref().unwrap_or(&here.info.first_key)),
            Some(inside) => inside.record().map(|(key, _)| key).or_else(|| inside.first_key_ahead()),
        }
    }

    /// The record here, if it is loaded.
    pub(crate) fn record(&self) -> Option<(&[u8], &[u8])> {
        self.here.as_ref()?.inside.as_ref()?.record()
    }

    /// The file that the record here is in.
    pub(crate) fn object(&self) -> Option<Immutable> {
        self.here.as_ref().map(|here| Immutable::Range(here.info.id))
    }

    /// The range that the cursor stands before, if nothing of it was looked at or skipped.
    pub(crate) fn whole_range(&self) -> Option<&Arc<RangeInfo>> {
        self.here.as_ref().filter(|here| here.inside.is_none() && here.from.is_none()).map(|here| &here.info)
    }

    /// Whether another range follows the one here, so that it ended with a cut.
    pub(crate) fn is_closed(&self) -> bool {
        self.here.as_ref().is_some_and(|here| here.closed)
    }

    /// The hash of the data block that the cursor stands before, if nothing of it was skipped.
    pub(crate) fn block_ahead(&self) -> Option<&BlockHash> {
        self.here.as_ref()?.inside.as_ref()?.block_ahead()
    }

    /// Loads the record here, or else goes on to the next range without opening it.
    pub(crate) async fn load(&mut self) -> Result<(), Error> {
        let Some(here) = &mut self.here else { return Ok(()) };
        if here.inside.is_none() {
            let mut inside = TableCursor::new(self.files.clone(), self.files.range(&here.info).await?);
            if let Some(from) = here.from.take() {
                inside.seek(&from);
            }
            if self.copies {
                inside.read_ahead();
            }
            here.inside = Some(inside);
        }
        let inside = here.inside.as_mut().expect("because it was just opened");
        if inside.load().await? { Ok(()) } else { self.next_range().await }
    }

    /// Goes behind the record here, which must be loaded.
    pub(crate) async fn advance(&mut self) -> Result<(), Error> {
        let Some(inside) = self.here.as_mut().and_then(|here| here.inside.as_mut()) else {
            return Err(Error::Internal("a cursor that isn't loaded can't advance".into()));
        };
        inside.step();
        if inside.is_loaded() { Ok(()) } else { self.settle().await }
    }

    /// After a move inside a range: goes on to the next range at its end, and makes sure that there is a bound.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(inside) = self.here.as_mut().and_then(|here| here.inside.as_mut()) else { return Ok(()) };
        if inside.at_end() {
            return self.next_range().await;
        }
        if inside.first_key_ahead().is_some() { Ok(()) } else { self.load().await }
    }

    /// Goes behind the range here, whether it is opened or not.
    pub(crate) async fn skip_range(&mut self) -> Result<(), Error> {
        self.next_range().await
    }

    /// Goes behind the data block that the cursor stands before.
    pub(crate) async fn skip_block(&mut self) -> Result<(), Error> {
        if let Some(inside) = self.here.as_mut().and_then(|here| here.inside.as_mut()) {
            inside.skip_block();
        }
        self.settle().await
    }

    /// Goes forward to the first record at or behind `key`, opening no range.
    pub(crate) async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        if self.bound().is_none_or(|bound| bound >= key) {
            return Ok(());
        }
        let Some(here) = &mut self.here else { return Ok(()) };
        if here.info.last_key.as_slice() >= key {
            match &mut here.inside {
                None => here.from = Some(key.to_vec()),
                Some(inside) => {
                    inside.seek(key);
                    if !inside.is_loaded() {
                        return self.load().await;
                    }
                }
            }
            return Ok(());
        }
        if let Some(ranges) = &mut self.ranges {
            ranges.seek(key);
        }
        self.here = None;
        self.next_range().await?;
        match &mut self.here {
            Some(here) if here.info.first_key.as_slice() < key => here.from = Some(key.to_vec()),
            _ => {}
        }
        Ok(())
    }

    /// Goes forward behind all that is not larger than `key`.
    pub(crate) async fn seek_behind(&mut self, key: &[u8]) -> Result<(), Error> {
        self.seek(&[key, b"\0"].concat()).await
    }
}

/// Whether two cursors stand before the same range, with the same part of it ahead.
pub(crate) fn same_range(a: &TreeCursor, b: &TreeCursor) -> bool {
    matches!(
        (&a.here, &b.here),
        (Some(a), Some(b)) if a.inside.is_none() && b.inside.is_none() && a.info.id == b.info.id && a.from == b.from
    )
}

/// Whether two cursors stand before data blocks that are the same.
pub(crate) fn same_block(a: &TreeCursor, b: &TreeCursor) -> bool {
    matches!((a.block_ahead(), b.block_ahead()), (Some(a), Some(b)) if a == b)
}

/// Skips whatever both cursors stand before alike. False if there is nothing such.
pub(crate) async fn skip_same(a: &mut TreeCursor, b: &mut TreeCursor) -> Result<bool, Error> {
    if same_range(a, b) {
        a.skip_range().await?;
        b.skip_range().await?;
        return Ok(true);
    }
    if same_block(a, b) {
        a.skip_block().await?;
        b.skip_block().await?;
        return Ok(true);
    }
    Ok(false)
}
