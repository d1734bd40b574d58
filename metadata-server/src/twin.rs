//! The in-memory twin of the metadata service.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Answer, Clock, Command, MetaError, MetaStore, Outcome, Query};

/// A `MetaStore` in memory.
pub struct MemoryMetaStore {
    _clock: Arc<dyn Clock>,
}

impl MemoryMetaStore {
    /// Makes an empty store that stamps commands by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { _clock: clock }
    }
}

#[async_trait]
impl MetaStore for MemoryMetaStore {
    async fn write(&self, _command: Command) -> Result<Outcome, MetaError> {
        Err(MetaError::Unavailable("not there yet".into()))
    }

    async fn read(&self, _query: Query) -> Result<Answer, MetaError> {
        Err(MetaError::Unavailable("not there yet".into()))
    }
}
