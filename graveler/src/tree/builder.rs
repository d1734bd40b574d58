//! Writes a tree from records and whole ranges in order. Owns where ranges are cut, which are taken over as they are,
//! and how many are uploaded at a time. Invariant: the tree depends on the records alone: where a range of another tree
//! is taken whole, rewriting it would have given the same.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::{MetaRangeId, RangeId};
use storage::Immutable;
use tokio::task::JoinSet;

use super::cache::Counted;
use super::range_info::RangeInfo;
use super::table_cursor::TableCursor;
use super::{Files, TreeCursor};
use crate::sstable::{CutRule, Cutter, Finished, SstError, Writer, WriterOptions};
use crate::{Error, GravelerOptions};

/// Ranges are cut on level 1, above the blocks'.
const RANGE_CUT_LEVEL: u64 = 1;

/// Writes a tree's ranges, then its metarange.
pub(crate) struct TreeBuilder {
    files: Files,
    block_bytes: u32,
    uploads_max: usize,
    cutter: Cutter,
    /// The range under way.
    writer: Option<Writer>,
    /// A range that was taken whole although no cut ended it: all is well if nothing follows.
    open_end: Option<Arc<RangeInfo>>,
    /// Ranges that were rewritten; what comes out the same is there already.
    rewritten: HashMap<RangeId, Arc<RangeInfo>>,
    ranges: Vec<Arc<RangeInfo>>,
    uploads: JoinSet<Result<(), Error>>,
}

impl TreeBuilder {
    pub(crate) fn new(files: &Files, options: &GravelerOptions) -> Self {
        Self {
            files: files.clone(),
            block_bytes: options.block_bytes,
            uploads_max: options.uploads_max.max(1),
            cutter: Cutter::new(CutRule::new(options.range_bytes, RANGE_CUT_LEVEL)),
            writer: None,
            open_end: None,
            rewritten: HashMap::new(),
            ranges: Vec::new(),
            uploads: JoinSet::new(),
        }
    }

    /// Adds the record that a cursor stands at.
    pub(crate) async fn push_record(&mut self, cursor: &TreeCursor) -> Result<(), Error> {
        let (key, value) = cursor.record().ok_or_else(|| Error::Internal("no record is loaded".into()))?;
        self.push(key, value).await
    }

    /// Adds a record, whose key is larger than all before.
    pub(crate) async fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        if let Some(info) = self.open_end.take() {
            self.rewrite(&info).await?;
        }
        if self.add(key, value)? {
            self.finish_range().await?;
        }
        Ok(())
    }

    /// Adds a record to the range under way. True if a cut follows.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Error> {
        let block_bytes = self.block_bytes;
        let writer = self.writer.get_or_insert_with(|| new_writer(block_bytes));
        let block_ends = writer.add(key, value).map_err(write_error)?;
        Ok(block_ends && self.cutter.step(key, writer.last_block_weight()))
    }

    /// Adds all records of a range of another tree; `closed` says that it ended with a cut there. Takes it as it is if
    /// nothing is under way, or else rewrites it until a cut of the new tree meets its end.
    pub(crate) async fn push_range(&mut self, info: &Arc<RangeInfo>, closed: bool) -> Result<(), Error> {
        if let Some(before) = self.open_end.take() {
            self.rewrite(&before).await?;
        }
        if self.writer.is_some() {
            return self.rewrite(info).await;
        }
        if closed {
            self.ranges.push(Arc::clone(info));
        } else {
            self.open_end = Some(Arc::clone(info));
        }
        Ok(())
    }

    async fn rewrite(&mut self, info: &Arc<RangeInfo>) -> Result<(), Error> {
        self.rewritten.insert(info.id, Arc::clone(info));
        let mut records = TableCursor::new(self.files.clone(), self.files.range(info).await?);
        records.read_ahead();
        while records.load().await? {
            while let Some((key, value)) = records.record() {
                let cut = self.add(key, value)?;
                records.step();
                if cut {
                    self.finish_range().await?;
                }
            }
        }
        Ok(())
    }

    /// Remembers a range that is rewritten from outside, record by record.
    pub(crate) fn rewriting(&mut self, info: &Arc<RangeInfo>) {
        self.rewritten.insert(info.id, Arc::clone(info));
    }

    async fn finish_range(&mut self) -> Result<(), Error> {
        self.cutter.reset();
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let finished = writer.finish().map_err(write_error)?;
        let id = RangeId::from_bytes(finished.id);
        if let Some(same) = self.rewritten.get(&id) {
            self.ranges.push(Arc::clone(same));
            return Ok(());
        }
        Counted::add(&self.files.caches.counted.ranges_written, 1);
        self.ranges.push(Arc::new(describe(id, &finished)));
        self.upload(Immutable::Range(id), finished.bytes).await
    }

    /// Begins an upload, once there are few enough under way.
    async fn upload(&mut self, object: Immutable, bytes: Bytes) -> Result<(), Error> {
        while self.uploads.len() >= self.uploads_max {
            self.wait_for_upload().await?;
        }
        Counted::add(&self.files.caches.counted.bytes_written, bytes.len() as u64);
        let files = self.files.clone();
        self.uploads.spawn(async move { files.put(object, bytes).await });
        Ok(())
    }

    async fn wait_for_upload(&mut self) -> Result<(), Error> {
        match self.uploads.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(failed)) => Err(Error::Internal(format!("an upload ended early: {failed}"))),
            None => Ok(()),
        }
    }

    /// Ends the tree and writes its metarange, once all its ranges are stored. `None` is the empty tree.
    pub(crate) async fn finish(mut self) -> Result<Option<MetaRangeId>, Error> {
        if let Some(info) = self.open_end.take() {
            self.ranges.push(info);
        }
        self.finish_range().await?;
        while !self.uploads.is_empty() {
            self.wait_for_upload().await?;
        }
        if self.ranges.is_empty() {
            return Ok(None);
        }
        let mut writer = new_writer(self.block_bytes);
        for info in &self.ranges {
            writer.add(&info.last_key, &info.encode()).map_err(write_error)?;
        }
        let finished = writer.finish().map_err(write_error)?;
        let id = MetaRangeId::from_bytes(finished.id);
        self.upload(Immutable::MetaRange(id), finished.bytes).await?;
        self.wait_for_upload().await?;
        Ok(Some(id))
    }
}

fn new_writer(block_bytes: u32) -> Writer {
    Writer::new(WriterOptions { block_bytes, ..WriterOptions::default() })
}

fn describe(id: RangeId, finished: &Finished) -> RangeInfo {
    RangeInfo {
        id,
        first_key: finished.first_key.clone(),
        last_key: finished.last_key.clone(),
        entries: finished.entries,
        bytes: finished.bytes.len() as u64,
        tail_length: finished.tail_length,
    }
}

fn write_error(error: SstError) -> Error {
    match error {
        SstError::TooLarge { .. } => Error::Invalid(error.to_string()),
        other => Error::Internal(other.to_string()),
    }
}
