//! The audit log: a file in the data folder, and batches of it in the object store. Owns queues and rotation. Invariant:
//! no request waits for it, and every bound that loses lines says so: in the server's log, and how many in the audit.
//!
//! - Lines wait in a queue of [`QUEUE_LINES_MAX`]; what comes while it is full is lost, and counted by a line `lost`.
//! - `audit.log` is kept up to [`FILE_BYTES_MAX`], and [`FILES_KEPT`] older files beside it: `audit.log.1` is the newest.
//! - Lines go to `_lakebed/audit/` in batches of a minute or [`BATCH_BYTES_MAX`]. While the object store is down,
//!   [`BATCHES_MAX`] batches wait; later ones are left out there, and are still in the file.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use auth::{AuditLine, AuditLog};
use model::{Clock, SystemClock};
use serde_json::json;
use storage::Stores;
use tokio::sync::mpsc;

const QUEUE_LINES_MAX: usize = 16_384;
const FILE_BYTES_MAX: u64 = 64 << 20;
const FILES_KEPT: u32 = 9;
const BATCH_BYTES_MAX: usize = 1 << 20;
const BATCH_AGE_MAX: Duration = Duration::from_secs(60);
const BATCHES_MAX: usize = 16;
/// How long a batch that the store doesn't take waits for its next try.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long a server that ends waits for its last batches.
const LAST_BATCHES_TIMEOUT: Duration = Duration::from_secs(5);

/// What waits for the writer.
enum Queued {
    Line(String),
    End,
}

/// Takes lines from all protocols.
pub(super) struct Queue {
    lines: SyncSender<Queued>,
    lost: Arc<AtomicU64>,
}

impl AuditLog for Queue {
    fn record(&self, line: &AuditLine<'_>) {
        let text = serde_json::to_string(line).expect("because it has texts and numbers only");
        if self.lines.try_send(Queued::Line(text)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

/// The audit log of a server.
pub(super) struct Audit {
    queue: Arc<Queue>,
    writer: JoinHandle<()>,
    uploader: tokio::task::JoinHandle<()>,
}

impl Audit {
    /// Opens the file and begins to write.
    pub(super) fn start(data_dir: &Path, stores: Arc<Stores>) -> Result<Self> {
        let file = LogFile::open(data_dir.join("audit.log"))?;
        let (lines, queued) = sync_channel(QUEUE_LINES_MAX);
        let (batches, full) = mpsc::channel(BATCHES_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { file, batches, batch: Vec::new(), begun: Instant::now(), lost: Arc::clone(&lost) };
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(&queued))?;
        let uploader = tokio::spawn(upload_all(stores, full));
        Ok(Self { queue: Arc::new(Queue { lines, lost }), writer, uploader })
    }

    /// Where lines go.
    pub(super) fn log(&self) -> Arc<dyn AuditLog> {
        Arc::clone(&self.queue) as Arc<dyn AuditLog>
    }

    /// Writes what is queued and ends.
    pub(super) async fn end(self) {
        let Self { queue, writer, uploader } = self;
        let written = tokio::task::spawn_blocking(move || {
            // Waits for room; a writer that is gone needs no word.
            let _gone = queue.lines.send(Queued::End);
            writer.join()
        })
        .await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!("the audit log's writer didn't end well");
        }
        if tokio::time::timeout(LAST_BATCHES_TIMEOUT, uploader).await.is_err() {
            tracing::warn!("the last lines of the audit log didn't get into the object store; they are in audit.log");
        }
    }
}

/// Writes lines in their order, on a thread of its own.
struct Writer {
    file: LogFile,
    batches: mpsc::Sender<Vec<u8>>,
    batch: Vec<u8>,
    begun: Instant,
    lost: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, queued: &Receiver<Queued>) {
        loop {
            let ended = match queued.recv_timeout(BATCH_AGE_MAX.saturating_sub(self.begun.elapsed())) {
                Ok(Queued::Line(line)) => self.take(line, queued),
                Err(RecvTimeoutError::Timeout) => false,
                Ok(Queued::End) | Err(RecvTimeoutError::Disconnected) => true,
            };
            if ended {
                return self.hand_over();
            }
            if self.batch.len() >= BATCH_BYTES_MAX || self.begun.elapsed() >= BATCH_AGE_MAX {
                self.hand_over();
            }
        }
    }

    /// Writes a line and what has gathered after it, in one piece. → whether that was the end
    fn take(&mut self, first: String, queued: &Receiver<Queued>) -> bool {
        let (mut piece, mut ended) = (first + "\n", false);
        while piece.len() < BATCH_BYTES_MAX && !ended {
            match queued.try_recv() {
                Ok(Queued::Line(line)) => piece.push_str(&(line + "\n")),
                Ok(Queued::End) => ended = true,
                Err(_) => break,
            }
        }
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            tracing::error!(lost, "audit lines were lost: more came than can be written");
            let line = json!({ "time": SystemClock.now(), "event": "lost", "lines": lost });
            piece.push_str(&format!("{line}\n"));
        }
        if let Err(error) = self.file.write(piece.as_bytes()) {
            tracing::error!(%error, "the audit log can't be written");
        }
        self.batch.extend_from_slice(piece.as_bytes());
        ended
    }

    fn hand_over(&mut self) {
        self.begun = Instant::now();
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() && self.batches.try_send(batch).is_err() {
            tracing::warn!("the object store takes no audit lines: a batch is left out there; audit.log has it");
        }
    }
}

/// Puts batches into the object store, each until it is there.
async fn upload_all(stores: Arc<Stores>, mut batches: mpsc::Receiver<Vec<u8>>) {
    while let Some(batch) = batches.recv().await {
        let batch = bytes::Bytes::from(batch);
        let time = SystemClock.now();
        while let Err(error) = stores.put_audit(time, batch.clone()).await {
            tracing::warn!(%error, "audit lines wait for the object store");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

/// A file that makes way for a new one when it is large enough.
struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl LogFile {
    fn open(path: PathBuf) -> Result<Self> {
        let file = Self::append(&path).with_context(|| format!("can't open the audit log {}", path.display()))?;
        let bytes = file.metadata()?.len();
        Ok(Self { path, file, bytes, bytes_max: FILE_BYTES_MAX })
    }

    fn append(path: &Path) -> std::io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(path)
    }

    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        if self.bytes > 0 && self.bytes + piece.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        self.file.write_all(piece)?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        let older = |number: u32| self.path.with_extension(format!("log.{number}"));
        for number in (1..FILES_KEPT).rev() {
            if older(number).exists() {
                fs::rename(older(number), older(number + 1))?;
            }
        }
        fs::rename(&self.path, older(1))?;
        self.file = Self::append(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use storage::StoreSettings;

    use super::*;

    #[test]
    fn a_full_file_makes_way_and_few_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut file = LogFile { bytes_max: 10, ..LogFile::open(path.clone()).unwrap() };
        for number in 0..20 {
            file.write(format!("line {number:02}\n").as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 19\n");
        assert_eq!(fs::read_to_string(folder.path().join("audit.log.1")).unwrap(), "line 18\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1 + FILES_KEPT as usize);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lines_are_in_the_file_and_in_the_store_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("objects");
        let stores = Stores::open(&format!("file://{}", store.display()), &StoreSettings::default()).await.unwrap();
        let audit = Audit::start(folder.path(), stores).unwrap();
        let log = audit.log();
        for number in 0..100_u64 {
            log.record(&AuditLine {
                time: SystemClock.now(),
                event: auth::Event::Refusal,
                protocol: "s3",
                request_id: "R",
                address: None,
                user: None,
                user_id: Some(number),
                access_key_id: None,
                session: None,
                action: "GetObject",
                resource: None,
                reference: None,
                and_others: 0,
                outcome: "AccessDenied",
            });
        }
        audit.end().await;
        let text = fs::read_to_string(folder.path().join("audit.log")).unwrap();
        let ids: Vec<u64> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["user_id"].as_u64().unwrap())
            .collect();
        assert_eq!(ids, (0..100).collect::<Vec<_>>());
        let mut found = vec![store.join("_lakebed/audit")];
        while found[0].is_dir() {
            found = fs::read_dir(&found[0]).unwrap().map(|entry| entry.unwrap().path()).collect();
        }
        assert_eq!(fs::read_to_string(&found[0]).unwrap(), text);
    }
}
