//! Where tests break the disk. Owns the points; production passes [`Faults::none`], which costs one branch.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A place at which a fault can be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// The log's writer is about to write and sync.
    BeforeLogWrite,
    /// The log's writer has written and synced, and nobody knows yet.
    AfterLogWrite,
    /// Committed entries are about to be applied to the state.
    BeforeApply,
}

type Hook = dyn Fn(FaultPoint) -> io::Result<()> + Send + Sync;

/// A hook that may fail at each [`FaultPoint`].
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Hook>>);

impl Faults {
    /// No faults but the world's.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Asks `hook` at each point.
    pub fn new(hook: impl Fn(FaultPoint) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Fails if the hook says so.
    pub(crate) fn check(&self, point: FaultPoint) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |hook| hook(point))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(hook)" } else { "Faults(none)" })
    }
}
