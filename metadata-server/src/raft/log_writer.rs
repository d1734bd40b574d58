//! The one thread that writes the Raft log. Owns group commit: drain the queue → one batch → one synced write → fire
//! all callbacks; votes go through the same queue. Leaves reading to `log_store`.
//! Invariant: a callback says Ok only after the fsync; after one failure every later write fails, because what a
//! failed fsync left on disk is unknown until the log is opened again.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use openraft::storage::IOFlushed;
use rocksdb::{DB, WriteBatch, WriteOptions};
use tokio::sync::{mpsc, oneshot, watch};

use super::faults::{FaultPoint, Faults};
use super::log_mark::LogMark;
use super::log_record::{encode, entries_end, entry_key, identity_key, purged_key, vote_key};
use super::log_tail::{LogTail, next_of};
use super::types::{Entry, LogId, TypeConfig};
use crate::full_disk::says_full;

/// How many writes may wait for the thread; a caller who asks for more waits.
const QUEUE_WRITES_MAX: usize = 4096;
/// How many bytes of records go into one synced write.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// One change of the log.
pub(crate) enum LogWrite {
    /// Adds entries at the end.
    Append(Vec<Entry>),
    /// Drops the entries after this one.
    TruncateAfter(Option<LogId>),
    /// Drops the entries up to this one.
    Purge(LogId),
    /// Keeps a vote, encoded.
    Vote(Vec<u8>),
    /// Keeps whose log this is, encoded.
    Identity(Vec<u8>),
}

/// Who hears that a write is on disk.
pub(crate) enum Done {
    /// Openraft, of an append.
    Flushed(IOFlushed<TypeConfig>),
    /// A task that waits.
    Reply(oneshot::Sender<io::Result<()>>),
}

impl Done {
    fn complete(self, result: io::Result<()>) {
        match self {
            Self::Flushed(callback) => callback.io_completed(result),
            // Nobody waits any more: the result is in the log, which is what counts.
            Self::Reply(reply) => drop(reply.send(result)),
        }
    }
}

/// How far the log is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durable {
    /// The index after the last entry on disk.
    pub(crate) next: u64,
    /// Why the writer writes no more, if so.
    pub(crate) failed: Option<String>,
}

/// What the log has counted since it was opened.
#[derive(Debug, Default)]
pub(crate) struct LogCounters {
    /// Entries written.
    pub(crate) entries: AtomicU64,
    /// Synced writes.
    pub(crate) fsyncs: AtomicU64,
}

/// The way to the writer thread. Dropping the last handle ends the thread.
pub(crate) struct LogWriter {
    queue: Option<mpsc::Sender<(LogWrite, Done)>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
pub(crate) struct WriterContext {
    /// The log.
    pub(crate) db: Arc<DB>,
    /// Where it lies, for messages.
    pub(crate) folder: PathBuf,
    /// The newest entries.
    pub(crate) tail: Arc<Mutex<LogTail>>,
    /// Told after each write.
    pub(crate) durable: watch::Sender<Durable>,
    /// Moved after each write.
    pub(crate) mark: LogMark,
    /// Counted up.
    pub(crate) counters: Arc<LogCounters>,
    /// Tests break the disk here.
    pub(crate) faults: Faults,
}

impl LogWriter {
    /// Starts the thread.
    pub(crate) fn start(context: WriterContext) -> io::Result<Self> {
        let (queue, writes) = mpsc::channel(QUEUE_WRITES_MAX);
        let thread = std::thread::Builder::new().name("raft-log".into()).spawn(move || run(&context, writes))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a write; waits while the queue is full.
    pub(crate) async fn send(&self, write: LogWrite, done: Done) -> io::Result<()> {
        let queue = self.queue.as_ref().expect("because it is taken only on drop");
        queue.send((write, done)).await.map_err(|_| io::Error::other("the log's writer thread has ended"))
    }
}

impl Drop for LogWriter {
    /// Lets the thread write what is queued, then waits for its end.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            thread.join().ok();
        }
    }
}

/// Writes until all senders are gone.
fn run(context: &WriterContext, mut writes: mpsc::Receiver<(LogWrite, Done)>) {
    let mut failed: Option<String> = None;
    while let Some(first) = writes.blocking_recv() {
        let mut group = Group::default();
        group.add(first);
        while group.batch.size_in_bytes() < BATCH_BYTES_MAX {
            match writes.try_recv() {
                Ok(write) => group.add(write),
                Err(_) => break,
            }
        }
        let result = match &failed {
            Some(why) => Err(why.clone()),
            None => write_group(context, &mut group).map_err(|error| describe(context, &error)),
        };
        if let Err(why) = &result
            && failed.is_none()
        {
            tracing::error!(folder = %context.folder.display(), "{why}");
            failed = Some(why.clone());
            context.durable.send_modify(|durable| durable.failed = Some(why.clone()));
        }
        for done in group.done {
            done.complete(result.clone().map_err(io::Error::other));
        }
    }
}

/// Writes that share one fsync.
#[derive(Default)]
struct Group {
    batch: WriteBatch,
    done: Vec<Done>,
    entries: u64,
    steps: Vec<Step>,
}

/// How a write moves the end of what is on disk.
enum Step {
    To(u64),
    AtMost(u64),
    AtLeast(u64),
}

impl Group {
    fn add(&mut self, (write, done): (LogWrite, Done)) {
        self.done.push(done);
        match write {
            LogWrite::Append(entries) => {
                for entry in &entries {
                    self.batch.put(entry_key(entry.log_id.index), encode(entry));
                }
                self.entries += entries.len() as u64;
                self.steps.extend(entries.last().map(|last| Step::To(last.log_id.index + 1)));
            }
            LogWrite::TruncateAfter(last) => {
                let next = next_of(last.as_ref());
                self.batch.delete_range(&entry_key(next)[..], &entries_end()[..]);
                self.steps.push(Step::AtMost(next));
            }
            LogWrite::Purge(upto) => {
                self.batch.delete_range(&entry_key(0)[..], &entry_key(upto.index + 1)[..]);
                let id = serde_json::to_vec(&upto).expect("because a log id has only plain fields");
                self.batch.put(purged_key(), id);
                self.steps.push(Step::AtLeast(upto.index + 1));
            }
            LogWrite::Vote(vote) => self.batch.put(vote_key(), vote),
            LogWrite::Identity(identity) => self.batch.put(identity_key(), identity),
        }
    }
}

fn write_group(context: &WriterContext, group: &mut Group) -> io::Result<()> {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    context.faults.check(FaultPoint::BeforeLogWrite)?;
    context.db.write_opt(std::mem::take(&mut group.batch), &options).map_err(io::Error::other)?;
    context.faults.check(FaultPoint::AfterLogWrite)?;
    context.mark.note(context.db.latest_sequence_number());
    context.counters.fsyncs.fetch_add(1, Ordering::Relaxed);
    context.counters.entries.fetch_add(group.entries, Ordering::Relaxed);

    let mut tail = context.tail.lock().unwrap_or_else(PoisonError::into_inner);
    let next = group.steps.iter().fold(tail.durable_next(), |next, step| match step {
        Step::To(index) => *index,
        Step::AtMost(index) => next.min(*index),
        Step::AtLeast(index) => next.max(*index),
    });
    tail.durable_before(next);
    drop(tail);
    context.durable.send_modify(|durable| durable.next = next);
    Ok(())
}

/// What an operator reads: what failed, where, and what to do.
fn describe(context: &WriterContext, error: &io::Error) -> String {
    let folder = context.folder.display();
    if says_full(error) {
        return format!("the disk is full: the Raft log in {folder} can't be written; free some space ({error})");
    }
    format!("the Raft log in {folder} can't be written: check the disk ({error})")
}
