//! The baseline of replicated writes: RocksDB alone with group commit. Drain the queue → one WriteBatch → one synced
//! write → tell all who wait. Owns nothing else: no state, no consensus, so nothing that is durable on this disk through
//! RocksDB can be faster. Invariant: nobody is told before the fsync.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use rocksdb::{DB, DBCompressionType, Options, WriteBatch, WriteOptions};
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait for the thread.
const QUEUE_MAX: usize = 4096;

/// RocksDB's memtable, as large as that of Lakebed's own log.
const WRITE_BUFFER_BYTES: usize = 32 << 20;

type Write = (Vec<u8>, oneshot::Sender<()>);

/// The log.
pub(crate) struct RawLog {
    queue: Option<mpsc::Sender<Write>>,
    thread: Option<JoinHandle<()>>,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    records: AtomicU64,
    fsyncs: AtomicU64,
}

impl RawLog {
    /// Opens a log in a new folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(WRITE_BUFFER_BYTES);
        let db = DB::open(&options, folder)?;
        let (queue, writes) = mpsc::channel(QUEUE_MAX);
        let counted = Arc::new(Counted::default());
        let thread = std::thread::Builder::new().name("raw-log".into()).spawn({
            let counted = counted.clone();
            move || run(&db, writes, &counted)
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), counted })
    }

    /// Adds a record; returns once it is on disk.
    pub(crate) async fn append(&self, record: Vec<u8>) -> Result<()> {
        let queue = self.queue.as_ref().expect("because it is taken only on drop");
        let (told, on_disk) = oneshot::channel();
        queue.send((record, told)).await.ok().context("the raw log failed")?;
        on_disk.await.context("the raw log failed")
    }

    /// Records written, and fsyncs.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.counted.records.load(Ordering::Relaxed), self.counted.fsyncs.load(Ordering::Relaxed))
    }
}

impl Drop for RawLog {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Writes until all senders are gone, or a write fails: then waiters see their sender go.
fn run(db: &DB, mut writes: mpsc::Receiver<Write>, counted: &Counted) {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    let mut index = 0u64;
    while let Some(first) = writes.blocking_recv() {
        let (mut batch, mut waiting) = (WriteBatch::default(), Vec::new());
        let mut next = Some(first);
        while let Some((record, told)) = next {
            index += 1;
            batch.put(index.to_be_bytes(), record);
            waiting.push(told);
            next = writes.try_recv().ok();
        }
        if db.write_opt(batch, &options).is_err() {
            return;
        }
        counted.fsyncs.fetch_add(1, Ordering::Relaxed);
        counted.records.fetch_add(waiting.len() as u64, Ordering::Relaxed);
        for told in waiting {
            told.send(()).ok();
        }
    }
}
