//! How much all builds of a process may do at a time. Owns the three bounds: threads that encode, bytes of ranges
//! between their cut and their upload's end, and bytes of files that are never stored. Invariant: who holds bytes never waits for more of them, so all go on.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{Error, GravelerOptions};

/// Bytes are counted in units, since a semaphore's requests are 32 bits wide.
const UNIT_BYTES: usize = 1 << 10;

/// Bounds that all builders share.
pub(crate) struct BuildBounds {
    encoders: Arc<Semaphore>,
    room: Arc<Semaphore>,
    room_units: u32,
    scratch: Arc<Semaphore>,
}

impl BuildBounds {
    pub(crate) fn new(options: &GravelerOptions) -> Self {
        let room_units = units(options.build_bytes).max(1);
        Self {
            encoders: Arc::new(Semaphore::new(options.builds_max.max(1))),
            room: Arc::new(Semaphore::new(room_units as usize)),
            room_units,
            scratch: Arc::new(Semaphore::new(units(options.scratch_bytes) as usize)),
        }
    }

    /// Waits for a thread's turn.
    pub(super) async fn encoder(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.encoders).acquire_owned().await.map_err(gone)
    }

    /// Waits for room; one range that is larger than all of it waits until it is alone.
    pub(super) async fn room_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.room_units);
        Arc::clone(&self.room).acquire_many_owned(units).await.map_err(gone)
    }

    /// Room for a file that is held in memory as long as it is needed; `None` if there is none.
    pub(super) fn scratch_room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).ok()?;
        Arc::clone(&self.scratch).try_acquire_many_owned(units).ok()
    }
}

/// A bound in units.
fn units(bytes: u64) -> u32 {
    u32::try_from(bytes / UNIT_BYTES as u64).unwrap_or(u32::MAX).min(u32::MAX >> 4)
}

fn gone(_: AcquireError) -> Error {
    Error::Internal("a build's bound is gone".into())
}
