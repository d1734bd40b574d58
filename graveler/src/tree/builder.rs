//! Writes a tree from records, unchanged blocks and whole ranges in order. Owns where ranges are cut, which are taken over
//! as they are, and how many are encoded and uploaded at a time. Invariant: the tree depends on the records alone:
//! what of another tree is taken whole (a block, a range, a metarange) rewriting it would have given the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{MetaRangeId, RangeId};
use storage::Immutable;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

use super::cache::{Counted, add_build_counts};
use super::draft::Draft;
use super::levels::{Levels, Node};
use super::metarange_draft::MetaRangeDraft;
use super::range_info::RangeInfo;
use super::table_cursor::TableCursor;
use super::{Files, TreeCursor};
use crate::sstable::{CutRule, Cutter, Finished, SstError};
use crate::{Error, GravelerOptions};

/// Blocks are cut on level 0, as [`Writer`] does.
const BLOCK_CUT_LEVEL: u64 = 0;
/// Ranges are cut on level 1, above the blocks'.
const RANGE_CUT_LEVEL: u64 = 1;
/// What a record weighs beside its key and value.
const RECORD_BYTES: usize = 8;

/// Writes a tree's ranges, then its metaranges.
pub(crate) struct TreeBuilder {
    files: Files,
    block_bytes: u32,
    /// Whether it is a delta: its ranges have filters, and nothing is copied.
    is_delta: bool,
    block_rule: CutRule,
    blocks: Cutter,
    /// What the block under way weighs; 0 at a cut.
    block_weight: u64,
    ranges: Cutter,
    /// The range under way.
    draft: Draft,
    /// What was taken whole although no cut ended it: all is well if nothing follows.
    open_end: Option<Arc<RangeInfo>>,
    /// Ranges that were rewritten; what comes out the same is there already.
    rewritten: Arc<Mutex<HashMap<Immutable, Arc<RangeInfo>>>>,
    levels: Levels,
    uploads: Arc<Semaphore>,
    /// Ranges (by their place in `levels`) and metaranges that are encoded or uploaded. Dropping it ends the work.
    work: JoinSet<Result<(usize, Arc<RangeInfo>), Error>>,
}

/// A node of another tree that has to be added.
struct Todo {
    node: Arc<RangeInfo>,
    /// Whether it ended with a cut there.
    closed: bool,
    /// Whether it did not, and something follows, so that it must be opened.
    open: bool,
}

impl TreeBuilder {
    pub(crate) fn new(files: &Files, options: &GravelerOptions) -> Self {
        let block_rule = CutRule::new(options.block_bytes.into(), BLOCK_CUT_LEVEL);
        Self {
            files: files.clone(),
            block_bytes: options.block_bytes,
            is_delta: false,
            block_rule,
            blocks: Cutter::new(block_rule),
            block_weight: 0,
            ranges: Cutter::new(CutRule::new(options.range_bytes, RANGE_CUT_LEVEL)),
            draft: Draft::default(),
            open_end: None,
            rewritten: Arc::default(),
            levels: Levels::new(options.metarange_ranges),
            uploads: Arc::new(Semaphore::new(options.uploads_max.max(1))),
            work: JoinSet::new(),
        }
    }

    /// Writes a delta: all its records are pushed, tombstones too.
    pub(crate) fn delta(files: &Files, options: &GravelerOptions) -> Self {
        Self { is_delta: true, ..Self::new(files, options) }
    }

    /// Adds the record that a cursor stands at.
    pub(crate) async fn push_record(&mut self, cursor: &TreeCursor) -> Result<(), Error> {
        let (key, value) = cursor.record().ok_or_else(|| Error::Internal("no record is loaded".into()))?;
        self.push(key, value).await
    }

    /// Adds a record, whose key is larger than all before.
    pub(crate) async fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.break_open_end().await?;
        if self.add(key, value)? {
            self.end_range().await?;
        }
        Ok(())
    }

    /// Adds a record to the range under way. True if a cut follows.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Error> {
        self.draft.push(key, value).map_err(write_error)?;
        let weight = (key.len() + value.len() + RECORD_BYTES) as u64;
        self.block_weight += weight;
        if !self.blocks.step(key, weight) {
            return Ok(false);
        }
        let weight = std::mem::take(&mut self.block_weight);
        Ok(self.ranges.step(key, weight))
    }

    /// Copies the data block that a cursor stands before, as it is stored, and goes past it. False where that can't be:
    /// no cut goes before it, or it isn't whole, or its last key isn't before `end`.
    pub(crate) async fn copy_block(&mut self, cursor: &mut TreeCursor, end: Option<&[u8]>) -> Result<bool, Error> {
        let Some(inside) = cursor.inside_mut() else { return Ok(false) };
        if inside.whole_block().is_some() {
            self.break_open_end().await?;
        }
        if !self.copy_block_inside(inside, end).await? {
            return Ok(false);
        }
        cursor.settle().await?;
        Ok(true)
    }

    async fn copy_block_inside(&mut self, inside: &mut TableCursor, end: Option<&[u8]>) -> Result<bool, Error> {
        let Some((info, last_key)) = inside.whole_block() else { return Ok(false) };
        let fits = !self.is_delta && self.block_weight == 0 && info.closed && info.target == self.block_rule.target();
        if !fits || end.is_some_and(|end| last_key >= end) {
            return Ok(false);
        }
        let cut = self.ranges.step(last_key, info.weight());
        let block = inside.take_block().await?;
        self.draft.push_block(block);
        if cut {
            self.end_range().await?;
        }
        Ok(true)
    }

    /// Adds all records of a range (or metarange) of another tree; `closed` says that it ended with a cut there. Takes it
    /// as it is if nothing is under way, or else rewrites it until a cut of the new tree meets its end.
    pub(crate) async fn push_range(&mut self, node: &Arc<RangeInfo>, closed: bool) -> Result<(), Error> {
        self.break_open_end().await?;
        self.push_nodes(vec![Todo { node: Arc::clone(node), closed, open: false }]).await
    }

    /// Takes the range (or metarange) that a cursor stands before, and those after it that the metarange lists in whole
    /// blocks and that end before `end`; goes past them. False if the cursor doesn't stand before a whole range.
    pub(crate) async fn take_range(&mut self, cursor: &mut TreeCursor, end: Option<&[u8]>) -> Result<bool, Error> {
        let Some(range) = cursor.whole_range().cloned() else { return Ok(false) };
        self.push_range(&range, cursor.is_closed()).await?;
        cursor.leave();
        while self.take_listed(cursor, end).await? {}
        cursor.enter().await?;
        Ok(true)
    }

    /// Takes the ranges that the metarange of a cursor that left lists in its next block, unless one of them may end
    /// with a cut between metaranges, or must be opened, or doesn't end before `end`.
    pub(super) async fn take_listed(&mut self, cursor: &mut TreeCursor, end: Option<&[u8]>) -> Result<bool, Error> {
        let Some((nodes, Some(1))) = cursor.listing_ahead() else { return Ok(false) };
        let Some((info, last_key)) = nodes.whole_block() else { return Ok(false) };
        let (ranges, is_cut_alike) = (info.entries, info.closed && info.target == self.block_rule.target());
        let follows_alike = nodes.entries_before() == Some(self.levels.ranges_since_cut()) && !nodes.in_last_block();
        let nothing_waits = !self.is_delta && self.open_end.is_none() && self.draft.is_empty();
        if !is_cut_alike || !follows_alike || !nothing_waits || end.is_some_and(|end| last_key >= end) {
            return Ok(false);
        }
        let block = nodes.take_block().await?;
        self.levels.push_listed(ranges, block);
        Ok(true)
    }

    /// Something follows what was taken as the tree's end.
    async fn break_open_end(&mut self) -> Result<(), Error> {
        match self.open_end.take() {
            Some(node) => self.push_nodes(vec![Todo { node, closed: true, open: true }]).await,
            None => Ok(()),
        }
    }

    /// Adds nodes, the last first.
    async fn push_nodes(&mut self, mut todo: Vec<Todo>) -> Result<(), Error> {
        while let Some(Todo { node, closed, open }) = todo.pop() {
            if !open && self.draft.is_empty() && self.levels.at_cut(node.height) {
                if closed {
                    self.take(node);
                } else {
                    self.open_end = Some(node);
                }
            } else if node.height == 0 {
                self.rewrite(&node).await?;
            } else {
                let children = self.files.children(&node).await?;
                let last = children.len().saturating_sub(1);
                let children = children.into_iter().enumerate();
                let children =
                    children.map(|(at, node)| Todo { node, closed: closed || at < last, open: open && at == last });
                let from = todo.len();
                todo.extend(children);
                todo[from..].reverse();
            }
        }
        Ok(())
    }

    fn take(&mut self, node: Arc<RangeInfo>) {
        let last_key = node.last_key.clone();
        self.levels.push(node.height, Node::Ready(node), &last_key);
    }

    async fn rewrite(&mut self, info: &Arc<RangeInfo>) -> Result<(), Error> {
        self.rewriting(info);
        let mut records = TableCursor::new(self.files.clone(), self.files.range_to_copy(info).await?);
        Counted::add(&self.files.caches.counted.ranges_opened, 1);
        records.copy();
        loop {
            if self.copy_block_inside(&mut records, None).await? {
                continue;
            }
            if !records.load().await? {
                return Ok(());
            }
            while let Some((key, value)) = records.record() {
                let cut = self.add(key, value)?;
                records.step();
                if cut {
                    self.end_range().await?;
                }
            }
        }
    }

    /// Remembers a range that is rewritten from outside, record by record, if it is stored.
    pub(crate) fn rewriting(&mut self, info: &Arc<RangeInfo>) {
        if info.height == 0 && !self.files.is_aside(&info.object) {
            let mut rewritten = self.rewritten.lock().unwrap_or_else(PoisonError::into_inner);
            rewritten.insert(info.object, Arc::clone(info));
        }
    }

    /// Hands the range under way to a thread, once there is room for it.
    async fn end_range(&mut self) -> Result<(), Error> {
        self.blocks.reset();
        self.ranges.reset();
        self.block_weight = 0;
        let draft = std::mem::take(&mut self.draft);
        if draft.is_empty() {
            return Ok(());
        }
        while let Some(done) = self.work.try_join_next() {
            self.note(done)?;
        }
        let room = self.files.caches.builds.room_for(draft.memory_bytes()).await?;
        let place = self.levels.push(0, Node::UnderWay, draft.last_key());
        let range = RangeJob {
            files: self.files.clone(),
            block_bytes: self.block_bytes,
            filter: self.is_delta,
            rewritten: Arc::clone(&self.rewritten),
            uploads: Arc::clone(&self.uploads),
        };
        self.work.spawn(async move { Ok((place, range.store(draft, room).await?)) });
        Ok(())
    }

    fn note(&mut self, done: Result<Result<(usize, Arc<RangeInfo>), Error>, JoinError>) -> Result<(), Error> {
        let ended = |failed: JoinError| Error::Internal(format!("a range's work ended early: {failed}"));
        let (place, info) = done.map_err(ended)??;
        self.levels.nodes[place] = Node::Ready(info);
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), Error> {
        while let Some(done) = self.work.join_next().await {
            self.note(done)?;
        }
        Ok(())
    }

    /// Ends the tree and writes its metaranges, each once all that it lists is stored. `None` is the empty tree.
    pub(crate) async fn finish(mut self) -> Result<Option<MetaRangeId>, Error> {
        let Some(root) = self.close().await? else { return Ok(None) };
        self.store_metaranges(root).await?;
        self.root_id(root).await.map(Some)
    }

    /// Ends a delta, and says what its root has to say of it: one of a single range needs no metarange. `None` if it has
    /// no records.
    pub(crate) async fn finish_delta(mut self) -> Result<Option<Arc<RangeInfo>>, Error> {
        let Some(mut root) = self.close().await? else { return Ok(None) };
        match &self.levels.nodes[root] {
            Node::Group { height: 1, children } if children.len() == 1 => root = children[0],
            _ => self.store_metaranges(root).await?,
        }
        self.ready(root).map(Arc::clone).map(Some)
    }

    /// Ends the last range, and waits for all. Returns the root's place.
    async fn close(&mut self) -> Result<Option<usize>, Error> {
        if let Some(node) = self.open_end.take() {
            self.take(node);
        }
        self.end_range().await?;
        let root = self.levels.close();
        self.wait().await?;
        Ok(root)
    }

    async fn store_metaranges(&mut self, root: usize) -> Result<(), Error> {
        for height in 1..=self.levels.height_max() {
            for place in 0..self.levels.nodes.len() {
                self.store_metarange(place, root, height).await?;
            }
            self.wait().await?;
        }
        Ok(())
    }

    fn ready(&self, place: usize) -> Result<&Arc<RangeInfo>, Error> {
        match &self.levels.nodes[place] {
            Node::Ready(info) => Ok(info),
            _ => Err(not_stored()),
        }
    }

    /// Encodes a metarange that is to be written, if it has this height, and begins its upload.
    async fn store_metarange(&mut self, place: usize, root: usize, height: u32) -> Result<(), Error> {
        let children = match &self.levels.nodes[place] {
            Node::Group { height: of, children } if *of == height && place <= root => children,
            _ => return Ok(()),
        };
        let is_described = place != root || self.is_delta;
        let mut metarange = MetaRangeDraft::new(&self.files, self.block_bytes, is_described);
        for child in children {
            match &self.levels.nodes[*child] {
                Node::Ready(info) => metarange.add(info)?,
                Node::Listed(block) => metarange.add_listed(block)?,
                Node::UnderWay | Node::Group { .. } => return Err(not_stored()),
            }
        }
        let (bytes, info) = metarange.finish(height)?;
        let counted = &self.files.caches.counted;
        Counted::add(&counted.metaranges_written, 1);
        Counted::add(&counted.bytes_written, info.bytes);
        let (files, uploads) = (self.files.clone(), Arc::clone(&self.uploads));
        let room = files.caches.builds.room_for(bytes.len()).await?;
        self.work.spawn(async move {
            let _room = room;
            let _turn = uploads.acquire_owned().await;
            files.put(info.object, bytes).await?;
            Ok((place, Arc::new(info)))
        });
        Ok(())
    }

    /// The id of the root. One that was taken whole may list but one metarange: then that is the root.
    async fn root_id(&self, root: usize) -> Result<MetaRangeId, Error> {
        let mut info = Arc::clone(self.ready(root)?);
        while info.height >= 2 {
            match self.files.children(&info).await?.as_slice() {
                [only] => info = Arc::clone(only),
                _ => break,
            }
        }
        match info.object {
            Immutable::MetaRange(id) => Ok(id),
            other => Err(Error::Internal(format!("{other} as a root"))),
        }
    }
}

/// What it takes to encode and store a range, away from its builder.
struct RangeJob {
    files: Files,
    block_bytes: u32,
    filter: bool,
    rewritten: Arc<Mutex<HashMap<Immutable, Arc<RangeInfo>>>>,
    uploads: Arc<Semaphore>,
}

impl RangeJob {
    async fn store(self, draft: Draft, room: OwnedSemaphorePermit) -> Result<Arc<RangeInfo>, Error> {
        let _room = room;
        let turn = self.files.caches.builds.encoder().await?;
        let (block_bytes, filter) = (self.block_bytes, self.filter);
        let encoded = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            draft.encode(block_bytes, filter)
        });
        let ended = |failed: JoinError| Error::Internal(format!("encoding a range ended early: {failed}"));
        let encoded = encoded.await.map_err(ended)?.map_err(|(copied_from, error)| match copied_from {
            Some(object) => self.files.table_error(object, error),
            None => write_error(error),
        })?;
        let counted = &self.files.caches.counted;
        add_build_counts(counted, encoded.blocks_copied, encoded.blocks_encoded);
        let object = Immutable::Range(RangeId::from_bytes(encoded.finished.id));
        if let Some(same) = self.rewritten.lock().unwrap_or_else(PoisonError::into_inner).get(&object) {
            return Ok(Arc::clone(same));
        }
        let info = Arc::new(describe(object, &encoded.finished));
        let _turn = self.uploads.acquire().await;
        Counted::add(&counted.ranges_written, 1);
        Counted::add(&counted.bytes_written, info.bytes);
        self.files.put(object, encoded.finished.bytes).await?;
        Ok(info)
    }
}

fn not_stored() -> Error {
    Error::Internal("a range or metarange isn't stored".into())
}

fn describe(object: Immutable, finished: &Finished) -> RangeInfo {
    RangeInfo {
        object,
        height: 0,
        level: 0,
        first_key: finished.first_key.clone(),
        last_key: finished.last_key.clone(),
        entries: finished.entries,
        bytes: finished.bytes.len() as u64,
        tail_length: finished.tail_length,
    }
}

pub(super) fn write_error(error: SstError) -> Error {
    match error {
        SstError::TooLarge { .. } => Error::Invalid(error.to_string()),
        other => Error::Internal(other.to_string()),
    }
}
