//! Writes small files after the work that made them, so that the next piece of work can begin over them at once. Owns
//! what is under way and its bounds; `files` reads through it. Invariant: a file is either held here or stored, from
//! when it was handed over; who refers to it from outside waits for [`WriteBehind::settle`] first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use storage::{Immutable, RepositoryStorage};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Error;

/// Files larger than this are written before the work goes on.
const FILE_BYTES_MAX: usize = 2 << 20;
/// Bytes of files that are held; when there are more, the work waits for its own.
const HELD_BYTES_MAX: usize = 32 << 20;
/// How many files are written at a time.
const WRITES_MAX: usize = 64;

/// Files that are being written.
pub(crate) struct WriteBehind {
    under_way: Mutex<UnderWay>,
    room: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct UnderWay {
    held: HashMap<Immutable, Bytes>,
    writes: JoinSet<Result<(), Error>>,
}

impl WriteBehind {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            under_way: Mutex::default(),
            room: Arc::new(Semaphore::new(HELD_BYTES_MAX)),
            turns: Arc::new(Semaphore::new(WRITES_MAX)),
        })
    }

    /// A file's bytes, if it may not be stored yet.
    pub(super) fn held(&self, object: &Immutable) -> Option<Bytes> {
        self.lock().held.get(object).cloned()
    }

    /// Begins to write a file, or writes it if it is large or there is no room to hold it.
    pub(super) async fn put(
        self: &Arc<Self>,
        storage: &RepositoryStorage,
        object: Immutable,
        bytes: Bytes,
    ) -> Result<(), Error> {
        let size = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= FILE_BYTES_MAX);
        let room = size.and_then(|size| Arc::clone(&self.room).try_acquire_many_owned(size).ok());
        let Some(room) = room else { return Ok(storage.put(&object, bytes).await?) };
        let (this, storage, turns) = (Arc::clone(self), storage.clone(), Arc::clone(&self.turns));
        let mut under_way = self.lock();
        under_way.held.insert(object, bytes.clone());
        under_way.writes.spawn(async move {
            let _room = room;
            let _turn = turns.acquire().await;
            storage.put(&object, bytes).await?;
            this.lock().held.remove(&object);
            Ok(())
        });
        Ok(())
    }

    /// Waits until all files are stored. After an error, what failed stays held, and is written by nobody.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        let mut writes = std::mem::take(&mut self.lock().writes);
        let mut result = Ok(());
        while let Some(done) = writes.join_next().await {
            let done = done.map_err(|failed| Error::Internal(format!("a write ended early: {failed}")));
            result = result.and(done.and_then(|written| written));
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
