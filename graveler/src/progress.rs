//! How far some work is. Owns the counters, which the work raises and others read; leaves to its readers whom to tell.
//! Invariant: counters only grow, and reading them holds nothing up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// How far an import, a commit or a merge is. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stage: Mutex<&'static str>,
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Says what is done now.
    pub fn set_stage(&self, stage: &'static str) {
        *self.inner.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// Counts objects looked at.
    pub fn add_objects(&self, objects: u64) {
        self.inner.objects.fetch_add(objects, Relaxed);
    }

    /// Counts bytes written.
    pub fn add_bytes(&self, bytes: u64) {
        self.inner.bytes.fetch_add(bytes, Relaxed);
    }

    /// What is done now; empty before it began.
    pub fn stage(&self) -> &'static str {
        *self.inner.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Objects looked at so far.
    pub fn objects(&self) -> u64 {
        self.inner.objects.load(Relaxed)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.inner.bytes.load(Relaxed)
    }
}
