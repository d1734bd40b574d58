//! How much memory bodies on their way to a store may take: the sizes of parts, and the room that all parts of this
//! process share. Invariant: parts of more than one segment hold no more than [`PART_BUFFERS_BYTES_MAX`] together.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Scheme;
use crate::segments::SEGMENT_BYTES_MAX;

/// What all part buffers of this process may hold together.
const PART_BUFFERS_BYTES_MAX: usize = 256 << 20;

/// The size of a part that is gathered for a remote store; S3's least is 5 MiB. Bodies up to this size go in one PUT.
const REMOTE_PART_BYTES: usize = 8 << 20;

/// How many parts of one body are sent at a time.
const REMOTE_PARTS_IN_FLIGHT_MAX: usize = 4;

/// How long a part waits for room in the budget before its request fails.
const BUDGET_WAIT: Duration = Duration::from_secs(60);

/// How bodies are cut for a kind of store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The size of a part; a body up to it goes in one PUT.
    pub(crate) part_bytes: usize,
    /// How many parts of one body are sent at a time.
    pub(crate) in_flight_max: usize,
}

impl Limits {
    pub(crate) fn of(scheme: Scheme) -> Self {
        match scheme {
            // A local file takes bytes as they come: no reason to keep more than the segment that is being written.
            Scheme::Local => Self { part_bytes: SEGMENT_BYTES_MAX, in_flight_max: 1 },
            Scheme::Memory | Scheme::S3 | Scheme::Gcs | Scheme::Azure => {
                Self { part_bytes: REMOTE_PART_BYTES, in_flight_max: REMOTE_PARTS_IN_FLIGHT_MAX }
            }
        }
    }
}

/// Other uploads held all of the room for too long.
pub(crate) struct Busy;

/// The room that part buffers share, counted in KiB.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    /// That of the process.
    pub(crate) fn process() -> Self {
        static PROCESS: LazyLock<Arc<Semaphore>> =
            LazyLock::new(|| Arc::new(Semaphore::new(PART_BUFFERS_BYTES_MAX >> 10)));
        Self(Arc::clone(&PROCESS))
    }

    /// One of its own, of so many bytes.
    #[cfg(test)]
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes >> 10)))
    }

    /// How many bytes are free.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.0.available_permits() << 10
    }

    /// Waits for room; gives up after [`BUDGET_WAIT`].
    pub(crate) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Busy> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let permit = tokio::time::timeout(BUDGET_WAIT, Arc::clone(&self.0).acquire_many_owned(kib));
        match permit.await {
            Ok(permit) => Ok(permit.expect("because the process's budget is never closed")),
            Err(_) => Err(Busy),
        }
    }
}
