//! What a check says: faults as they are found, how far it is, and what it came to. Owns the words by which programs
//! tell faults apart, and the way to the receiver. Invariant: no fault is dropped; progress may be.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::CheckSummary;
use storage::StorageError;
use tokio::sync::mpsc::Sender;

use super::as_fault;
use crate::Error;

/// After so many failures of the store in a row a check gives up: it is the store that is broken, not what is in it.
const FAILURES_IN_A_ROW_MAX: u64 = 32;

/// The kinds of faults. `Display` is the word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Something refers to it and it isn't there.
    Missing,
    /// Its bytes aren't what was written.
    Corrupt,
    /// It is sound, but it is another file than its name says.
    Misnamed,
    /// What refers to it says something else of it than it is.
    Mismatch,
    /// A data object has another size than its entry says.
    WrongSize,
    /// A data object's bytes aren't those that its entry's ETag says; an imported object was changed in its source.
    WrongBytes,
    /// Newer or other software wrote it.
    Unsupported,
    /// The object store doesn't give it out.
    Unreadable,
}

impl FaultKind {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
            Self::Misnamed => "misnamed",
            Self::Mismatch => "mismatch",
            Self::WrongSize => "wrong-size",
            Self::WrongBytes => "wrong-bytes",
            Self::Unsupported => "unsupported",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that isn't as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// Where the file or data object lies: a path in the storage namespace, or a whole URL.
    pub file: String,
    /// The object of the repository that it concerns, if it concerns one only.
    pub path: Option<String>,
    /// What refers to it: a ref, or a file in the storage namespace.
    pub needed_by: String,
    /// What is wrong, for people.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.file)?;
        if let Some(path) = &self.path {
            write!(f, " (the object {path:?})")?;
        }
        write!(f, ", needed by {}: {}", self.needed_by, self.why)
    }
}

/// What a check sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FsckEvent {
    /// Something is wrong.
    Fault(Fault),
    /// How far it is; now and then.
    Progress(CheckSummary),
}

/// The way to the receiver, and the counters. Cheap to clone; clones count together.
#[derive(Clone)]
pub(super) struct Report {
    events: Sender<FsckEvent>,
    counted: Arc<Counted>,
}

#[derive(Default)]
pub(super) struct Counted {
    pub(super) commits: AtomicU64,
    pub(super) metaranges: AtomicU64,
    pub(super) ranges: AtomicU64,
    pub(super) objects: AtomicU64,
    pub(super) objects_by_size: AtomicU64,
    pub(super) objects_by_e_tag: AtomicU64,
    pub(super) objects_by_bytes: AtomicU64,
    pub(super) objects_elsewhere: AtomicU64,
    pub(super) objects_uncommitted: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    faults: AtomicU64,
    failures_in_a_row: AtomicU64,
}

impl Report {
    pub(super) fn new(events: Sender<FsckEvent>) -> Self {
        Self { events, counted: Arc::default() }
    }

    pub(super) fn count(&self, counter: impl FnOnce(&Counted) -> &AtomicU64, amount: u64) {
        counter(&self.counted).fetch_add(amount, Relaxed);
    }

    /// Sends a fault.
    pub(super) async fn fault(&self, fault: Fault) -> Result<(), Error> {
        self.counted.faults.fetch_add(1, Relaxed);
        self.events.send(FsckEvent::Fault(fault)).await.map_err(|_| gone())
    }

    /// Sends how far the check is, if the receiver has room for it.
    pub(super) fn progress(&self) {
        let _ = self.events.try_send(FsckEvent::Progress(self.summary()));
    }

    /// Sends a failure of the store as a fault of what was to be read; too many in a row end the check.
    pub(super) async fn failure(&self, error: StorageError, fault: Fault) -> Result<(), Error> {
        if !error.is_retryable() {
            self.answered();
        } else if self.counted.failures_in_a_row.fetch_add(1, Relaxed) + 1 >= FAILURES_IN_A_ROW_MAX {
            return Err(Error::Storage(error));
        }
        let (kind, why) = as_fault(&error);
        self.fault(Fault { kind, why, ..fault }).await
    }

    /// Remembers that the store answers.
    pub(super) fn answered(&self) {
        self.counted.failures_in_a_row.store(0, Relaxed);
    }

    /// Ends a check that nobody listens to.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if self.events.is_closed() { Err(gone()) } else { Ok(()) }
    }

    pub(super) fn summary(&self) -> CheckSummary {
        let counted = &self.counted;
        CheckSummary {
            commits: counted.commits.load(Relaxed),
            metaranges: counted.metaranges.load(Relaxed),
            ranges: counted.ranges.load(Relaxed),
            objects: counted.objects.load(Relaxed),
            objects_by_size: counted.objects_by_size.load(Relaxed),
            objects_by_e_tag: counted.objects_by_e_tag.load(Relaxed),
            objects_by_bytes: counted.objects_by_bytes.load(Relaxed),
            objects_elsewhere: counted.objects_elsewhere.load(Relaxed),
            objects_uncommitted: counted.objects_uncommitted.load(Relaxed),
            bytes_read: counted.bytes_read.load(Relaxed),
            faults: counted.faults.load(Relaxed),
        }
    }
}

fn gone() -> Error {
    Error::Internal("nobody waits for this check any more".into())
}
