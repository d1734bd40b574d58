//! Walks the records of one layer (a base or a delta) in order, range by range. Owns laziness: a metarange or range that nobody looks into isn't
//! opened, and can be skipped or taken whole. Invariant: [`TreeCursor::bound`] is never larger than the next record's key.

use std::sync::Arc;

use model::MetaRangeId;
use storage::Immutable;
use tokio::task::JoinSet;

use super::cache::Counted;
use super::files::{Files, Table};
use super::range_info::RangeInfo;
use super::table_cursor::TableCursor;
use crate::Error;
use crate::sstable::{BlockHash, BlockInfo};

/// A cursor over a layer's records, which moves forward only.
pub(crate) struct TreeCursor {
    files: Files,
    /// Over the metaranges that are opened, from the root down, each after the record of what was entered there.
    levels: Vec<Level>,
    here: Option<Here>,
    /// What the cursor went past, as long as nothing is entered after it.
    left: Option<Left>,
    /// Whether ranges that are opened will be read to their end, and mostly copied.
    copies: bool,
    /// The read-ahead of the range before, if that was opened and the cursor came here from it.
    window_before: Option<usize>,
    /// The next range, fetched early since those before it were copied too. Dropping it ends the request.
    next_to_copy: Option<Early>,
}

/// A range that is fetched before the cursor comes to it.
struct Early {
    object: Immutable,
    request: JoinSet<Result<Arc<Table>, Error>>,
}

/// An opened metarange.
struct Level {
    nodes: TableCursor,
    /// Its height, once it is known.
    height: Option<u32>,
    /// Whether something follows it in the tree.
    closed: bool,
}

/// The range that the cursor is in, or the range or metarange that it stands before.
struct Here {
    info: Arc<RangeInfo>,
    /// Whether something follows in the tree, so that this ended with a cut and not with its tree.
    closed: bool,
    /// Where in it to begin, as long as it isn't opened.
    from: Option<Vec<u8>>,
    /// Of an opened range.
    inside: Option<TableCursor>,
}

/// A range or metarange that the cursor went behind.
struct Left {
    last_key: Vec<u8>,
    /// Its read-ahead, if it was opened.
    window: Option<usize>,
}

impl TreeCursor {
    /// A cursor before the first record of a tree without deltas.
    pub(crate) async fn open(files: &Files, tree: Option<MetaRangeId>) -> Result<Self, Error> {
        let mut cursor = Self::before(files, tree).await?;
        cursor.enter().await?;
        Ok(cursor)
    }

    /// Cursors before the first records of two trees that may differ.
    pub(crate) async fn open_both(
        files: &Files,
        left: Option<MetaRangeId>,
        right: Option<MetaRangeId>,
    ) -> Result<(Self, Self), Error> {
        let (mut left, mut right) = (Self::before(files, left).await?, Self::before(files, right).await?);
        skip_same_listed(&mut left, &mut right);
        left.enter().await?;
        right.enter().await?;
        Ok((left, right))
    }

    /// A cursor that has yet to enter its tree.
    async fn before(files: &Files, tree: Option<MetaRangeId>) -> Result<Self, Error> {
        let mut cursor = Self::at_end(files);
        if let Some(id) = tree {
            let nodes = TableCursor::new(files.clone(), files.metarange(id).await?);
            cursor.levels.push(Level { nodes, height: None, closed: false });
        }
        Ok(cursor)
    }

    /// A cursor before the first record of a range, or of all ranges under a metarange.
    pub(crate) fn over(files: &Files, node: Arc<RangeInfo>) -> Self {
        Self { here: Some(Here { info: node, closed: false, from: None, inside: None }), ..Self::at_end(files) }
    }

    /// A cursor after all records.
    fn at_end(files: &Files) -> Self {
        Self {
            files: files.clone(),
            levels: Vec::new(),
            here: None,
            left: None,
            copies: false,
            window_before: None,
            next_to_copy: None,
        }
    }

    /// Expects that ranges which are opened are read to their end and mostly copied, so that fewer requests fetch more.
    pub(crate) fn copying(mut self) -> Self {
        self.copies = true;
        self.levels.iter_mut().for_each(|level| level.nodes.copy());
        self
    }

    /// Goes past what is here, opened or not, and enters nothing yet: before [`Self::enter`], what the metarange lists
    /// next may be skipped or copied block by block.
    pub(super) fn leave(&mut self) {
        if let Some(here) = self.here.take() {
            let window = here.inside.as_ref().map(TableCursor::window);
            self.left = Some(Left { last_key: here.info.last_key.clone(), window });
        }
    }

    /// Enters what the metaranges list next, unopened.
    pub(super) async fn enter(&mut self) -> Result<(), Error> {
        self.next_node(None).await
    }

    /// The metarange that lists what comes after what the cursor left, and its height if that is known.
    pub(super) fn listing_ahead(&mut self) -> Option<(&mut TableCursor, Option<u32>)> {
        while self.levels.last().is_some_and(|level| level.nodes.at_end()) {
            self.levels.pop();
        }
        self.levels.last_mut().map(|level| (&mut level.nodes, level.height))
    }

    /// Enters what the metaranges list next (with keys at or after `from`), unopened.
    async fn next_node(&mut self, from: Option<&[u8]>) -> Result<(), Error> {
        self.leave();
        let left = self.left.take().filter(|_| from.is_none());
        self.window_before = left.as_ref().and_then(|left| left.window);
        while let Some(level) = self.levels.last_mut() {
            if let Some(from) = from {
                level.nodes.seek(from);
            }
            if !level.nodes.load().await? {
                self.levels.pop();
                continue;
            }
            let object = level.nodes.object();
            let (key, value) = level.nodes.record().expect("because it was just loaded");
            let info = self.files.range_info(object, level.height, key, value)?;
            if left.is_some_and(|left| left.last_key >= info.first_key) {
                return Err(self.files.overlap(object));
            }
            level.height = Some(info.height + 1);
            level.nodes.step();
            let closed = !level.nodes.at_end() || level.closed;
            let from = from.filter(|from| info.first_key.as_slice() < *from).map(<[u8]>::to_vec);
            self.here = Some(Here { info: Arc::new(info), closed, from, inside: None });
            return Ok(());
        }
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
        self.here.as_ref().map(|here| here.info.object)
    }

    /// The range or metarange that the cursor stands before, if nothing of it was looked at or skipped.
    pub(crate) fn whole_range(&self) -> Option<&Arc<RangeInfo>> {
        self.here.as_ref().filter(|here| here.inside.is_none() && here.from.is_none()).map(|here| &here.info)
    }

    /// The unopened range or metarange that has the next record, or the range that the cursor is in.
    pub(crate) fn node(&self) -> Option<&Arc<RangeInfo>> {
        self.here.as_ref().map(|here| &here.info)
    }

    /// Whether something follows what is here, so that it ended with a cut.
    pub(crate) fn is_closed(&self) -> bool {
        self.here.as_ref().is_some_and(|here| here.closed)
    }

    /// The data block that the cursor stands before, if nothing of it was skipped, and its last key.
    pub(crate) fn whole_block(&self) -> Option<(&BlockInfo, &[u8])> {
        self.here.as_ref()?.inside.as_ref()?.whole_block()
    }

    fn block_ahead(&self) -> Option<&BlockHash> {
        self.whole_block().map(|(info, _)| &info.hash)
    }

    /// How many files are to be opened for a record here: 0 in an opened range.
    fn depth(&self) -> u32 {
        self.here.as_ref().map_or(0, |here| if here.inside.is_some() { 0 } else { here.info.height + 1 })
    }

    /// Whether this cursor and another stand before one key, and this one has more to open for it.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        self.depth() > other.depth() && self.bound().is_some() && self.bound() == other.bound()
    }

    /// The range that the cursor is in, if it is opened.
    pub(super) fn inside_mut(&mut self) -> Option<&mut TableCursor> {
        self.here.as_mut()?.inside.as_mut()
    }

    /// Comes closer to the record here: enters a metarange, opens a range, loads a block, or goes on to the next range.
    pub(crate) async fn load(&mut self) -> Result<(), Error> {
        let Some(here) = &mut self.here else { return Ok(()) };
        let Some(inside) = &mut here.inside else {
            return if here.info.height == 0 { self.open_range().await } else { self.enter_metarange().await };
        };
        if inside.load().await? { Ok(()) } else { self.next_node(None).await }
    }

    async fn open_range(&mut self) -> Result<(), Error> {
        let Some(info) = self.here.as_ref().map(|here| Arc::clone(&here.info)) else { return Ok(()) };
        let table = if self.copies { self.range_to_copy(&info).await? } else { self.files.node(&info).await? };
        let mut inside = TableCursor::new(self.files.clone(), table);
        if self.copies {
            inside.copy();
        } else if let Some(window) = self.window_before {
            inside.read_ahead(window);
        }
        let Some(here) = &mut self.here else { return Ok(()) };
        if let Some(from) = here.from.take() {
            inside.seek(&from);
        }
        here.inside = Some(inside);
        self.settle().await
    }

    /// Opens a range that will be copied. Where one follows another, the next is fetched meanwhile.
    async fn range_to_copy(&mut self, info: &Arc<RangeInfo>) -> Result<Arc<Table>, Error> {
        Counted::add(&self.files.caches.counted.ranges_opened, 1);
        let early = self.next_to_copy.take().filter(|early| early.object == info.object);
        if self.window_before.is_some()
            && let Some(next) = self.next_range().await?
        {
            let (object, files, mut request) = (next.object, self.files.clone(), JoinSet::new());
            request.spawn(async move { files.range_to_copy(&next).await });
            self.next_to_copy = Some(Early { object, request });
        }
        match early {
            Some(mut early) => match early.request.join_next().await {
                Some(Ok(table)) => table,
                _ => Err(Error::Internal("a range's request ended early".into())),
            },
            None => self.files.range_to_copy(info).await,
        }
    }

    /// The range that the metarange here lists after the one here.
    async fn next_range(&mut self) -> Result<Option<RangeInfo>, Error> {
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        level.nodes.load().await?;
        let Some((key, value)) = level.nodes.record() else { return Ok(None) };
        self.files.range_info(level.nodes.object(), level.height, key, value).map(Some)
    }

    async fn enter_metarange(&mut self) -> Result<(), Error> {
        let Some(Here { info, closed, from, .. }) = self.here.take() else { return Ok(()) };
        let mut nodes = TableCursor::new(self.files.clone(), self.files.node(&info).await?);
        if self.copies {
            nodes.copy();
        }
        self.levels.push(Level { nodes, height: Some(info.height), closed });
        self.next_node(from.as_deref()).await
    }

    /// Goes past the record here, which must be loaded.
    pub(crate) async fn advance(&mut self) -> Result<(), Error> {
        let Some(inside) = self.here.as_mut().and_then(|here| here.inside.as_mut()) else {
            return Err(Error::Internal("a cursor that isn't loaded can't advance".into()));
        };
        inside.step();
        if inside.is_loaded() { Ok(()) } else { self.settle().await }
    }

    /// After a move inside a range: goes on to the next range at its end, and makes sure that there is a bound.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        let Some(inside) = self.here.as_mut().and_then(|here| here.inside.as_mut()) else { return Ok(()) };
        if inside.at_end() {
            return self.next_node(None).await;
        }
        if inside.first_key_ahead().is_some() || inside.load().await? { Ok(()) } else { self.next_node(None).await }
    }

    /// Goes past the range or metarange here, whether it is opened or not.
    pub(crate) async fn skip_range(&mut self) -> Result<(), Error> {
        self.next_node(None).await
    }

    /// Goes past the data block that the cursor stands before.
    pub(crate) async fn skip_block(&mut self) -> Result<(), Error> {
        if let Some(inside) = self.here.as_mut().and_then(|here| here.inside.as_mut()) {
            inside.skip_block();
        }
        self.settle().await
    }

    /// Goes forward to the first record at or after `key`, opening no range.
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
                        return self.settle().await;
                    }
                }
            }
            return Ok(());
        }
        self.here = None;
        self.next_node(Some(key)).await
    }

    /// Goes forward after all that is not larger than `key`.
    pub(crate) async fn seek_behind(&mut self, key: &[u8]) -> Result<(), Error> {
        self.seek(&[key, b"\0"].concat()).await
    }
}

/// Whether two cursors stand before the same range or metarange, with the same part of it ahead.
pub(crate) fn same_range(a: &TreeCursor, b: &TreeCursor) -> bool {
    matches!(
        (&a.here, &b.here),
        (Some(a), Some(b)) if a.inside.is_none() && b.inside.is_none() && a.info.object == b.info.object && a.from == b.from
    )
}

/// Whether two cursors stand before data blocks that are the same.
pub(crate) fn same_block(a: &TreeCursor, b: &TreeCursor) -> bool {
    matches!((a.block_ahead(), b.block_ahead()), (Some(a), Some(b)) if a == b)
}

/// Skips what the metaranges of two cursors that left (or never entered) list next in equal blocks, reading none of them.
fn skip_same_listed(a: &mut TreeCursor, b: &mut TreeCursor) {
    while let (Some((a, _)), Some((b, _))) = (a.listing_ahead(), b.listing_ahead())
        && lists_same(a, b)
    {
        a.skip_block();
        b.skip_block();
    }
}

/// Whether two metaranges list the same next, as far as a whole block says it.
pub(super) fn lists_same(a: &TableCursor, b: &TableCursor) -> bool {
    matches!((a.whole_block(), b.whole_block()), (Some((a, _)), Some((b, _))) if a.hash == b.hash)
}

/// Skips whatever both cursors stand before alike. False if there is nothing such.
pub(crate) async fn skip_same(a: &mut TreeCursor, b: &mut TreeCursor) -> Result<bool, Error> {
    if same_range(a, b) {
        a.leave();
        b.leave();
        skip_same_listed(a, b);
        a.enter().await?;
        b.enter().await?;
        return Ok(true);
    }
    if same_block(a, b) {
        a.skip_block().await?;
        b.skip_block().await?;
        return Ok(true);
    }
    Ok(false)
}

/// Where two cursors stand before one key, opens what is higher in its tree, so that what both trees have meets and can
/// be skipped. False if both are at one height.
pub(crate) async fn open_higher(a: &mut TreeCursor, b: &mut TreeCursor) -> Result<bool, Error> {
    let higher = if a.is_above(b) {
        a
    } else if b.is_above(a) {
        b
    } else {
        return Ok(false);
    };
    higher.load().await?;
    Ok(true)
}
