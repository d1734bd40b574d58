//! The Raft log as openraft sees it: a RocksDB written by one thread, with its newest entries in memory. Owns opening
//! and reading; `log_writer` writes. Invariant: an appended entry is readable at once, and [`LogStore::durable`]
//! returns only when it is on disk.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::{Stream, StreamExt, TryStreamExt};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use rocksdb::{DB, DBCompressionType, DBRecoveryMode, Direction, IteratorMode, Options, ReadOptions};
use tokio::sync::{oneshot, watch};

use super::faults::Faults;
use super::log_mark::{self, LogMark};
use super::log_record::{decode, entries_end, entry_key, identity_key, index_of, purged_key, vote_key};
use super::log_tail::{LogTail, next_of};
use super::log_writer::{Done, Durable, LogCounters, LogWrite, LogWriter, WriterContext};
use super::types::{Entry, LogId, TypeConfig, Vote};
use crate::torn_tail;

/// How many entries are read at a time when a long stretch is applied again.
const READ_ENTRIES_MAX: u64 = 1024;
const FOLDER_MODE: u32 = 0o700;
/// Files that RocksDB keeps open.
const OPEN_FILES_MAX: i32 = 128;
/// RocksDB's memtable and the bound of its write-ahead files.
const WRITE_BUFFER_BYTES: usize = 32 << 20;
const WAL_BYTES_MAX: u64 = 256 << 20;

/// The log of one group; a cheap handle.
#[derive(Clone)]
pub(crate) struct LogStore {
    shared: Arc<Shared>,
}

struct Shared {
    // Before `db`: the writer's drop waits for its thread.
    writer: LogWriter,
    db: Arc<DB>,
    tail: Arc<Mutex<LogTail>>,
    vote: Mutex<Option<Vote>>,
    durable: watch::Receiver<Durable>,
    counters: Arc<LogCounters>,
}

/// What a log says of itself.
#[derive(Debug)]
pub(crate) struct LogFacts {
    /// Whose it is, once it is somebody's.
    pub(crate) identity: Option<Vec<u8>>,
    /// Its last entry, or the last purged one.
    pub(crate) last: Option<LogId>,
    /// The last purged entry.
    pub(crate) purged: Option<LogId>,
}

/// A log that is only read.
pub(crate) struct FrozenLog(DB);

impl FrozenLog {
    /// Opens a log that is there, by the same rules as [`LogStore::open`].
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let acknowledged = mend(folder)?;
        let db = DB::open_for_read_only(&options(), folder, false).map_err(io::Error::other)?;
        check_end(&db, acknowledged)?;
        Ok(Self(db))
    }

    /// What it says of itself.
    pub(crate) fn facts(&self) -> io::Result<LogFacts> {
        let purged = read_json(&self.0, &purged_key())?;
        check_gapless(&self.0, purged.as_ref())?;
        let last = last_entry(&self.0)?.map(|entry| entry.log_id).or(purged);
        Ok(LogFacts { identity: self.0.get(identity_key()).map_err(io::Error::other)?, last, purged })
    }

    /// All entries from one on, some at a time.
    pub(crate) fn entries_from(&self, from: u64) -> impl Iterator<Item = io::Result<Vec<Entry>>> {
        let end = last_entry(&self.0).map(|last| next_of(last.map(|entry| entry.log_id).as_ref()));
        let (end, failed) = match end {
            Ok(end) => (end, None),
            Err(error) => (from, Some(Err(error))),
        };
        let pieces = (from..end).step_by(usize::try_from(READ_ENTRIES_MAX).expect("because it is small"));
        failed.into_iter().chain(pieces.map(move |from| read_entries(&self.0, from..end.min(from + READ_ENTRIES_MAX))))
    }
}

/// Tells whether a log is still open.
pub(crate) struct WeakLogStore(Weak<Shared>);

impl WeakLogStore {
    /// Whether the last handle was dropped.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl LogStore {
    /// Opens or makes the log in a folder. A record that is damaged, but for one that a crash left half-written at
    /// the very end, is an error; so is an end that lacks what was acknowledged.
    pub(crate) fn open(folder: &Path, faults: Faults) -> io::Result<Self> {
        durable::make_folder(folder, FOLDER_MODE)?;
        let acknowledged = mend(folder)?;
        let db = Arc::new(DB::open(&options(), folder).map_err(io::Error::other)?);
        check_end(&db, acknowledged)?;
        let purged: Option<LogId> = read_json(&db, &purged_key())?;
        let last = last_entry(&db)?.map(|entry| entry.log_id);
        check_gapless(&db, purged.as_ref())?;
        let vote: Option<Vote> = read_json(&db, &vote_key())?;

        let tail = LogTail::of_disk(last, purged);
        let (told, durable) = watch::channel(Durable { next: tail.durable_next(), failed: None });
        let tail = Arc::new(Mutex::new(tail));
        let counters = Arc::new(LogCounters::default());
        let writer = LogWriter::start(WriterContext {
            db: db.clone(),
            folder: folder.to_owned(),
            tail: tail.clone(),
            durable: told,
            mark: LogMark::open(folder)?,
            counters: counters.clone(),
            faults,
        })?;
        Ok(Self { shared: Arc::new(Shared { writer, db, tail, vote: Mutex::new(vote), durable, counters }) })
    }

    /// What has been counted since the log was opened.
    pub(crate) fn counters(&self) -> &Arc<LogCounters> {
        &self.shared.counters
    }

    /// How far the log is on disk, and whether its writer has failed; to be watched.
    pub(crate) fn watch_durable(&self) -> watch::Receiver<Durable> {
        self.shared.durable.clone()
    }

    /// The last entry's id.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.tail().last()
    }

    /// Waits until the entry at `index` is on disk: the apply barrier. Openraft promises only that it is committed,
    /// which with more voters can be before this node's own disk has it. An index that was never appended here
    /// (as when a snapshot covers it) needs no waiting.
    pub(crate) async fn durable(&self, index: u64) -> io::Result<()> {
        if index >= next_of(self.last().as_ref()) {
            return Ok(());
        }
        let mut durable = self.shared.durable.clone();
        let reached = durable.wait_for(|durable| durable.next > index || durable.failed.is_some()).await;
        match reached.map_err(|_| io::Error::other("the log's writer thread has ended"))?.failed.clone() {
            Some(why) => Err(io::Error::other(why)),
            None => Ok(()),
        }
    }

    /// A reference that doesn't keep the log open.
    pub(crate) fn downgrade(&self) -> WeakLogStore {
        WeakLogStore(Arc::downgrade(&self.shared))
    }

    /// What the log says of itself.
    pub(crate) fn facts(&self) -> io::Result<LogFacts> {
        let identity = self.shared.db.get(identity_key()).map_err(io::Error::other)?;
        let tail = self.tail();
        Ok(LogFacts { identity, last: tail.last(), purged: tail.purged() })
    }

    /// Writes down whose log this is.
    pub(crate) async fn set_identity(&self, identity: Vec<u8>) -> io::Result<()> {
        self.write(LogWrite::Identity(identity)).await
    }

    /// Queues a write and waits until it is on disk.
    async fn write(&self, write: LogWrite) -> io::Result<()> {
        let (reply, written) = oneshot::channel();
        self.shared.writer.send(write, Done::Reply(reply)).await?;
        written.await.map_err(|_| io::Error::other("the log's writer thread has ended"))?
    }

    fn tail(&self) -> MutexGuard<'_, LogTail> {
        self.shared.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn vote(&self) -> MutexGuard<'_, Option<Vote>> {
        self.shared.vote.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads entries, what is no more in memory from disk on the pool for blocking work.
    async fn read(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        let (on_disk, here) = self.tail().read(range);
        if on_disk.is_empty() {
            return Ok(here);
        }
        let db = self.shared.db.clone();
        let read = tokio::task::spawn_blocking(move || read_entries(&db, on_disk));
        let mut entries = read.await.map_err(io::Error::other)??;
        if let (Some(last), Some(next)) = (entries.last(), here.first())
            && last.log_id.index + 1 != next.log_id.index
        {
            return Err(gap(last.log_id.index + 1));
        }
        entries.extend(here);
        Ok(entries)
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.read(to_range(&range)).await
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // Piece by piece: after a restart a stretch to apply can be as long as the log.
        let range = to_range(&range);
        let end = range.end.min(next_of(self.last().as_ref()));
        let pieces = (range.start..end).step_by(usize::try_from(READ_ENTRIES_MAX).expect("because it is small"));
        let store = self.clone();
        let piece = move |from: u64| {
            let store = store.clone();
            async move { store.read(from..end.min(from + READ_ENTRIES_MAX)).await }
        };
        let read = futures::stream::iter(pieces).then(piece);
        Box::pin(read.map_ok(|entries| futures::stream::iter(entries.into_iter().map(Ok))).try_flatten())
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(*self.vote())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start..end.min(start + READ_ENTRIES_MAX)).await
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let tail = self.tail();
        Ok(LogState { last_purged_log_id: tail.purged(), last_log_id: tail.last() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let bytes = serde_json::to_vec(vote).map_err(io::Error::other)?;
        self.write(LogWrite::Vote(bytes)).await?;
        *self.vote() = Some(*vote);
        Ok(())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        {
            let mut tail = self.tail();
            entries.iter().for_each(|entry| tail.push(entry.clone()));
        }
        self.shared.writer.send(LogWrite::Append(entries), Done::Flushed(callback)).await
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        self.tail().truncate_after(last_log_id);
        self.write(LogWrite::TruncateAfter(last_log_id)).await
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        self.write(LogWrite::Purge(log_id)).await?;
        self.tail().purge(log_id);
        Ok(())
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    // A half-written last record was cut off before; anything else that is damaged may have been acknowledged.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_keep_log_file_num(4);
    options.set_max_open_files(OPEN_FILES_MAX);
    options
}

fn to_range(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end + 1,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

/// Cuts off what a power cut left half-written. → up to where all was acknowledged, as far as is known
fn mend(folder: &Path) -> io::Result<Option<u64>> {
    let acknowledged = log_mark::read(folder)?;
    torn_tail::mend_manifest(folder)?;
    torn_tail::mend_wals(folder, acknowledged)?;
    Ok(acknowledged)
}

/// Refuses a log that ends before what was acknowledged.
fn check_end(db: &DB, acknowledged: Option<u64>) -> io::Result<()> {
    let missing = acknowledged.unwrap_or(0).saturating_sub(db.latest_sequence_number());
    if missing == 0 {
        return Ok(());
    }
    let why = format!("the log lost its end: {missing} acknowledged changes");
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Reads entries from disk. Those before the log's first may be missing, having been purged; any other gap is an error.
fn read_entries(db: &DB, range: Range<u64>) -> io::Result<Vec<Entry>> {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(entry_key(range.end));
    let start = entry_key(range.start);
    let mut entries: Vec<Entry> = Vec::new();
    for item in db.iterator_opt(IteratorMode::From(&start, Direction::Forward), options) {
        let (key, record) = item.map_err(io::Error::other)?;
        let index = index_of(&key).ok_or_else(|| io::Error::other("a key among the log's entries is no index"))?;
        if let Some(last) = entries.last()
            && last.log_id.index + 1 != index
        {
            return Err(gap(last.log_id.index + 1));
        }
        entries.push(decode(index, &record)?);
    }
    let first = entries.first().map_or(range.end, |entry| entry.log_id.index);
    if first > range.start && has_entry_before(db, range.start)? {
        return Err(gap(range.start));
    }
    Ok(entries)
}

fn has_entry_before(db: &DB, index: u64) -> io::Result<bool> {
    let mut before = db.iterator(IteratorMode::From(&entry_key(index), Direction::Reverse));
    // The key itself is where the iterator stands, if it is there.
    let found = before.find(|item| item.as_ref().map_or(true, |(key, _)| **key < entry_key(index)[..]));
    Ok(found.transpose().map_err(io::Error::other)?.is_some_and(|(key, _)| index_of(&key).is_some()))
}

fn last_entry(db: &DB) -> io::Result<Option<Entry>> {
    let end = entries_end();
    let Some(item) = db.iterator(IteratorMode::From(&end, Direction::Reverse)).next() else { return Ok(None) };
    let (key, record) = item.map_err(io::Error::other)?;
    index_of(&key).map(|index| decode(index, &record)).transpose()
}

/// Holds that the log begins right after what was purged.
fn check_gapless(db: &DB, purged: Option<&LogId>) -> io::Result<()> {
    let start = entry_key(0);
    let Some(item) = db.iterator(IteratorMode::From(&start, Direction::Forward)).next() else { return Ok(()) };
    let (key, _) = item.map_err(io::Error::other)?;
    match (index_of(&key), purged) {
        (Some(first), Some(purged)) if first != purged.index + 1 => Err(gap(purged.index + 1)),
        _ => Ok(()),
    }
}

fn gap(index: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("log entry {index} is missing though later ones are there"))
}

fn read_json<T: serde::de::DeserializeOwned>(db: &DB, key: &[u8]) -> io::Result<Option<T>> {
    let Some(bytes) = db.get(key).map_err(io::Error::other)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other)
}
