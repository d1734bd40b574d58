//! Batches of audit lines in the object store. Owns that each is written once and never over another; leaves what lines
//! say to who writes them.

use bytes::Bytes;
use model::Timestamp;
use object_store::{ObjectStoreExt, PutPayload};

use crate::{StorageError, Stores, paths};

impl Stores {
    /// Keeps a batch, under a name of its own.
    pub async fn put_audit(&self, time: Timestamp, lines: Bytes) -> Result<(), StorageError> {
        let path = paths::audit(self.prefix(), time, rand::random());
        match self.store.put(&path, PutPayload::from_bytes(lines)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(StorageError::from_store(error, &self.shown(&path))),
        }
    }
}
