//! Parts of immutable objects on this machine's disk, so that a restart or a small memory doesn't mean asking a remote
//! store again. Owns when something is kept and what is given up; `segments` owns the files. Blocking: callers are off the
//! asynchronous workers. Invariant: what is returned is what was put under that key, or nothing; losing all of it, or any
//! part at any moment, costs time alone.

mod segments;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use segments::Segments;

/// Less would hold next to nothing.
pub const DISK_CACHE_BYTES_MIN: u64 = 16 << 20;
/// Bytes that may wait for the writing thread; what comes beyond isn't kept.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// What names a record: a digest of where it comes from.
pub(crate) type Key = [u8; 32];

/// Where the cache lies, and how much it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskCacheSettings {
    /// A folder of this machine that nobody else uses; made if it isn't there.
    pub folder: PathBuf,
    /// The most bytes of all its files, at least [`DISK_CACHE_BYTES_MIN`].
    pub bytes_max: u64,
}

/// An open cache.
pub(crate) struct DiskCache {
    shared: Arc<Shared>,
    /// To the writing thread, which ends when this is dropped.
    writes: Sender<Write>,
}

struct Shared {
    segments: Mutex<Segments>,
    waiting_bytes: AtomicUsize,
}

enum Write {
    Record(Key, Bytes),
    #[cfg(test)]
    Barrier(Sender<()>),
}

impl DiskCache {
    /// Opens the cache, with what is there from before.
    pub(crate) fn open(settings: &DiskCacheSettings) -> io::Result<Self> {
        let segments = Mutex::new(Segments::open(&settings.folder, settings.bytes_max.max(DISK_CACHE_BYTES_MIN))?);
        let shared = Arc::new(Shared { segments, waiting_bytes: AtomicUsize::new(0) });
        let (writes, coming) = mpsc::channel();
        let writer = Arc::clone(&shared);
        std::thread::Builder::new().name("disk-cache".into()).spawn(move || write_all(&writer, &coming))?;
        Ok(Self { shared, writes })
    }

    /// The record at a key.
    pub(crate) fn get(&self, key: &Key) -> Option<Bytes> {
        let place = self.shared.segments().find(key)?;
        let Some(bytes) = place.read(key) else {
            self.forget(key);
            return None;
        };
        if place.is_old {
            // What is still of use begins a new life before its segment goes.
            self.put(*key, bytes.clone());
        }
        Some(bytes)
    }

    /// Keeps a record, soon. Doesn't wait: when too much waits already, or it is too large, it isn't kept.
    pub(crate) fn put(&self, key: Key, bytes: Bytes) {
        let length = bytes.len();
        if self.shared.waiting_bytes.fetch_add(length, Relaxed) + length > WAITING_BYTES_MAX
            || self.writes.send(Write::Record(key, bytes)).is_err()
        {
            self.shared.waiting_bytes.fetch_sub(length, Relaxed);
        }
    }

    /// Gives a record up.
    pub(crate) fn forget(&self, key: &Key) {
        self.shared.segments().forget(key);
    }

    /// Waits until all that was put is written.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        let (done, wait) = mpsc::channel();
        self.writes.send(Write::Barrier(done)).expect("because the thread runs as long as this");
        wait.recv().expect("because the thread runs as long as this");
    }
}

impl Shared {
    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what comes until the cache is dropped. A disk that fails is told of once, and not written to again.
fn write_all(shared: &Shared, coming: &Receiver<Write>) {
    let mut failed = false;
    while let Ok(write) = coming.recv() {
        match write {
            Write::Record(key, bytes) => {
                shared.waiting_bytes.fetch_sub(bytes.len(), Relaxed);
                if failed {
                    continue;
                }
                if let Err(error) = append(shared, &key, &bytes) {
                    tracing::warn!("the cache on disk isn't written any more until the next start: {error}");
                    failed = true;
                }
            }
            #[cfg(test)]
            Write::Barrier(done) => drop(done.send(())),
        }
    }
}

/// Writes a record while readers go on: only this thread appends.
fn append(shared: &Shared, key: &Key, bytes: &Bytes) -> io::Result<()> {
    let Some(mut open) = shared.segments().room_for(key, bytes.len())? else { return Ok(()) };
    let place = open.append(key, bytes)?;
    shared.segments().note(open, *key, place);
    Ok(())
}
