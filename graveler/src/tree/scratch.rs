//! Files of a tree that is needed for one piece of work and that nothing will refer to: held in memory, within a bound
//! that all such work shares; what doesn't fit is stored as any file, and is garbage. Owns what is held; `files` reads
//! and writes through it. Invariant: caches keep what is read of these files apart from the store's, since a file in the
//! store may have the same name and other bytes (its blocks compressed otherwise).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use storage::Immutable;
use tokio::sync::OwnedSemaphorePermit;

use super::build_bounds::BuildBounds;
use super::cache::{Caches, Space};

/// Files in memory.
pub(crate) struct Scratch {
    /// What tells them from the store's in caches.
    pub(super) space: Space,
    held: Mutex<HashMap<Immutable, Held>>,
}

struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Scratch {
    pub(crate) fn new(caches: &Caches) -> Arc<Self> {
        Arc::new(Self { space: caches.new_space(), held: Mutex::default() })
    }

    /// Holds a file, if there is room for it. One that is held already stays as it is: it may have been opened.
    pub(super) fn hold(&self, bounds: &BuildBounds, object: Immutable, bytes: &Bytes) -> bool {
        if self.has(&object) {
            return true;
        }
        let Some(room) = bounds.scratch_room(bytes.len()) else { return false };
        self.lock().entry(object).or_insert_with(|| Held { bytes: bytes.clone(), _room: room });
        true
    }

    pub(super) fn get(&self, object: &Immutable) -> Option<Bytes> {
        self.lock().get(object).map(|held| held.bytes.clone())
    }

    pub(super) fn has(&self, object: &Immutable) -> bool {
        self.lock().contains_key(object)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Immutable, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
