//! Checks one table, block by block: that it can be read, that its blocks are those it lists, and that its content is
//! what its name says. Owns what is true of any table of ours; what its records mean is its caller's.
//! Invariant: after a damaged block the others are checked all the same, and nothing is concluded from the rest's sum.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use storage::{Immutable, RepositoryStorage, StorageError};

use super::fault::Report;
use super::{Fault, FaultKind};
use crate::Error;
use crate::sstable::{Block, BlockHash, BlockInfo, Filter, KeyHash, SstError, Tail, TailParse, content_id};
use crate::tree::layers::has_layers;

/// How much of a file's end the first request fetches if nobody says how long the tail is.
const TAIL_FETCH_BYTES: u64 = 64 << 10;
/// A file whose tail keeps growing as it is parsed is given up after so many requests.
const TAIL_REQUESTS_MAX: usize = 4;
/// How much one request fetches of data blocks, unless a single block is larger.
const FETCH_BYTES: u64 = 1 << 20;

/// What a table turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) first_key: Vec<u8>,
    pub(super) last_key: Vec<u8>,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) tail_length: u64,
}

/// A table that is being checked.
pub(super) struct TableCheck<'a> {
    storage: &'a RepositoryStorage,
    report: &'a Report,
    object: Immutable,
    needed_by: String,
    tail: Tail,
    size: u64,
    /// The file's end, as it came with the tail.
    suffix: Bytes,
    /// The next block to look at, and stored blocks that were fetched already.
    at: usize,
    fetched: VecDeque<Bytes>,
    hashes: Vec<BlockHash>,
    /// Of all keys, if the table has a filter.
    keys: Vec<KeyHash>,
    first_key: Option<Vec<u8>>,
    last_key: Option<Vec<u8>>,
    entries: u64,
    damaged: bool,
}

impl<'a> TableCheck<'a> {
    /// Reads a table's tail. `None` if that is so damaged that nothing can be said of the rest; the fault was sent.
    pub(super) async fn open(
        storage: &'a RepositoryStorage,
        report: &'a Report,
        object: Immutable,
        needed_by: String,
        tail_length: Option<u64>,
    ) -> Result<Option<Self>, Error> {
        let fault = |kind, why| Fault { kind, file: object.to_string(), path: None, needed_by: needed_by.clone(), why };
        let mut wanted = tail_length.unwrap_or(TAIL_FETCH_BYTES);
        for _ in 0..TAIL_REQUESTS_MAX {
            let suffix = match storage.get_suffix(&object, wanted).await {
                Ok(suffix) => suffix,
                Err(error) => {
                    report.failure(error, fault(FaultKind::Unreadable, String::new())).await?;
                    return Ok(None);
                }
            };
            report.answered();
            report.count(|counted| &counted.bytes_read, suffix.bytes.len() as u64);
            match Tail::parse(&suffix.bytes, suffix.size) {
                Ok(TailParse::NeedMore(bytes)) if bytes > wanted => wanted = bytes,
                Ok(TailParse::NeedMore(_)) => break,
                Ok(TailParse::Parsed(tail)) => {
                    let table = Self {
                        storage,
                        report,
                        object,
                        needed_by,
                        tail: *tail,
                        size: suffix.size,
                        suffix: suffix.bytes,
                        at: 0,
                        fetched: VecDeque::new(),
                        hashes: Vec::new(),
                        keys: Vec::new(),
                        first_key: None,
                        last_key: None,
                        entries: 0,
                        damaged: false,
                    };
                    return table.check_name().await;
                }
                Err(error) => {
                    report.fault(of_table(error, fault)).await?;
                    return Ok(None);
                }
            }
        }
        report.fault(fault(FaultKind::Corrupt, "its tail can't be found".into())).await?;
        Ok(None)
    }

    /// A table of another name isn't the one that is needed: what it holds doesn't matter.
    async fn check_name(self) -> Result<Option<Self>, Error> {
        match self.tail.content_id() {
            Some(id) if !names(&self.object, &id) => {
                self.send(FaultKind::Misnamed, "its content is that of another file".into()).await?;
                Ok(None)
            }
            _ => Ok(Some(self)),
        }
    }

    /// Whether it is a root over deltas.
    pub(super) fn has_layers(&self) -> bool {
        has_layers(&self.tail)
    }

    /// The next block that is sound, with its hash; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<(Block, BlockHash)>, Error> {
        while self.at < self.tail.blocks() {
            self.report.go_on()?;
            if self.fetched.is_empty() {
                self.fetch().await?;
                continue;
            }
            let stored = self.fetched.pop_front().expect("because it isn't empty");
            let at = self.at;
            self.at += 1;
            match Block::decode_and_hash(&stored, self.tail.handle(at), self.tail.format()) {
                Ok((block, hash)) => {
                    self.take(at, &block, hash).await?;
                    return Ok(Some((block, hash)));
                }
                Err(error) => {
                    self.damaged = true;
                    let fault = of_table(error, |kind, why| self.fault(kind, format!("block {at}: {why}")));
                    self.report.fault(fault).await?;
                }
            }
        }
        Ok(None)
    }

    /// Fetches blocks from the present one on; if that fails they are skipped.
    async fn fetch(&mut self) -> Result<(), Error> {
        let start = self.tail.handle(self.at).offset;
        let mut end = self.at + 1;
        while end < self.tail.blocks()
            && self.tail.handle(end).offset == self.tail.handle(end - 1).range().end
            && self.tail.handle(end).range().end - start <= FETCH_BYTES
        {
            end += 1;
        }
        let range = start..self.tail.handle(end - 1).range().end;
        match self.bytes(range).await {
            Ok(bytes) => {
                let cut = |at: usize| {
                    let range = self.tail.handle(at).range();
                    let end = ((range.end - start) as usize).min(bytes.len());
                    bytes.slice(((range.start - start) as usize).min(end)..end)
                };
                self.fetched = (self.at..end).map(cut).collect();
            }
            Err(error) => {
                self.damaged = true;
                self.report.failure(error, self.fault(FaultKind::Unreadable, String::new())).await?;
                self.at = end;
            }
        }
        Ok(())
    }

    /// Takes bytes from the suffix, or else fetches them.
    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, StorageError> {
        let suffix_start = self.size - self.suffix.len() as u64;
        if range.start >= suffix_start {
            return Ok(self.suffix.slice((range.start - suffix_start) as usize..(range.end - suffix_start) as usize));
        }
        let fetched = self.storage.get_range(&self.object, range.start..range.end.min(suffix_start)).await?;
        self.report.answered();
        self.report.count(|counted| &counted.bytes_read, fetched.len() as u64);
        if range.end <= suffix_start {
            return Ok(fetched);
        }
        let rest = self.suffix.slice(..(range.end - suffix_start) as usize);
        Ok([fetched, rest].concat().into())
    }

    /// Checks a block against what the table says of it.
    async fn take(&mut self, at: usize, block: &Block, hash: BlockHash) -> Result<(), Error> {
        let mut wrong = None;
        if let Some(info) = self.tail.info(at) {
            wrong = differs(block, &hash, info, self.tail.separator(at));
        }
        if self.last_key.as_deref().is_some_and(|last| last >= block.first_key()) {
            wrong = Some("its first key isn't larger than the last of the block before");
        }
        let begins = if at == 0 { 0 } else { self.tail.handle(at - 1).range().end };
        if self.tail.info(at).is_some() && self.tail.handle(at).offset != begins {
            wrong = Some("it doesn't begin where the block before ends");
        }
        if let Some(why) = wrong {
            self.damaged = true;
            self.send(FaultKind::Corrupt, format!("block {at}: {why}")).await?;
        }
        if self.first_key.is_none() && at == 0 {
            self.first_key = Some(block.first_key().to_vec());
        }
        self.last_key = Some(block.last_key().to_vec());
        self.entries += block.entries() as u64;
        self.hashes.push(hash);
        if self.tail.filter().is_some() {
            self.keys.extend((0..block.entries()).map(|at| KeyHash::of(block.entry(at).0)));
        }
        Ok(())
    }

    /// Checks the whole, once all blocks have been read; `None` if a fault leaves nothing to be sure of.
    pub(super) async fn finish(self) -> Result<Option<Facts>, Error> {
        if self.damaged {
            return Ok(None);
        }
        let filter = self.tail.filter().map(|_| Filter::of(&self.keys));
        if filter.as_ref() != self.tail.filter() {
            self.send(FaultKind::Corrupt, "its filter isn't that of its keys".into()).await?;
            return Ok(None);
        }
        if !names(&self.object, &content_id(&self.hashes, filter.as_ref())) {
            self.send(FaultKind::Misnamed, "its content isn't what its name says".into()).await?;
            return Ok(None);
        }
        if self.entries != self.tail.entries() {
            let why = format!("it has {} entries and its properties say {}", self.entries, self.tail.entries());
            self.send(FaultKind::Corrupt, why).await?;
        }
        let data_end = self.tail.blocks().checked_sub(1).map_or(0, |last| self.tail.handle(last).range().end);
        Ok(self.first_key.zip(self.last_key).map(|(first_key, last_key)| Facts {
            first_key,
            last_key,
            entries: self.entries,
            bytes: self.size,
            tail_length: self.size - data_end,
        }))
    }

    /// Remembers that a record of the table is wrong, and says so.
    pub(super) async fn bad_record(&self, path: Option<String>, why: String) -> Result<(), Error> {
        self.report.fault(Fault { path, ..self.fault(FaultKind::Corrupt, why) }).await
    }

    pub(super) async fn send(&self, kind: FaultKind, why: String) -> Result<(), Error> {
        self.report.fault(self.fault(kind, why)).await
    }

    fn fault(&self, kind: FaultKind, why: String) -> Fault {
        Fault { kind, file: self.object.to_string(), path: None, needed_by: self.needed_by.clone(), why }
    }
}

/// How a block isn't what the table lists of it.
fn differs(block: &Block, hash: &BlockHash, info: &BlockInfo, separator: &[u8]) -> Option<&'static str> {
    let bytes = (0..block.entries())
        .map(|at| block.entry(at))
        .fold((0, 0), |(keys, values), (key, value)| (keys + key.len() as u64, values + value.len() as u64));
    if *hash != info.hash {
        Some("its content isn't that of its hash")
    } else if block.entries() as u64 != info.entries || bytes != (info.key_bytes, info.value_bytes) {
        Some("it has other entries than are listed")
    } else if block.first_key() != info.first_key.as_slice() || block.last_key() != separator {
        Some("its first or last key isn't the listed one")
    } else {
        None
    }
}

fn names(object: &Immutable, id: &[u8; 32]) -> bool {
    match object {
        Immutable::Range(named) => named.as_bytes() == id,
        Immutable::MetaRange(named) => named.as_bytes() == id,
        Immutable::Commit(named) => named.as_bytes() == id,
    }
}

fn of_table(error: SstError, fault: impl FnOnce(FaultKind, String) -> Fault) -> Fault {
    match error {
        SstError::Unsupported(what) => fault(FaultKind::Unsupported, format!("it has {what}")),
        SstError::Corrupt(why) => fault(FaultKind::Corrupt, why),
        other => fault(FaultKind::Corrupt, other.to_string()),
    }
}
