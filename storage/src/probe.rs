//! Whether an object store keeps the promise that Lakebed builds on: of several creators of one key, one wins.
//! Some servers accept the condition and ignore it, so it is tried at every start. Owns the trial and its cleaning up.

use bytes::Bytes;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tracing::warn;

use crate::{StorageError, Stores, paths};

/// How many creators race.
const CREATORS: usize = 8;

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Whether a create-only PUT is one: exactly one of many creators wins, and what it wrote stays. If not, two
    /// repositories can be made in one namespace; all else works.
    pub conditional_put: bool,
    /// Whether what was written could be deleted again.
    pub delete: bool,
}

impl Stores {
    /// Tries the store: writes, races, reads and deletes a key that nothing else uses.
    ///
    /// An error is one of the store: not reachable, no bucket, no permission.
    pub async fn probe(&self) -> Result<Probe, StorageError> {
        let path = paths::scratch(self.prefix(), rand::random());
        let raced = self.race(&path).await;
        let delete = match self.store.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => true,
            // What made the trial fail is told, once.
            Err(_) if raced.is_err() => false,
            Err(error) => {
                warn!(%path, %error, "the key of a probe couldn't be deleted");
                false
            }
        };
        Ok(Probe { conditional_put: raced?, delete })
    }

    async fn race(&self, path: &Path) -> Result<bool, StorageError> {
        let bodies: Vec<Bytes> = (0..CREATORS).map(|i| Bytes::from(format!("creator {i}"))).collect();
        let creations = join_all(bodies.iter().map(|body| {
            let payload = PutPayload::from_bytes(body.clone());
            self.store.put_opts(path, payload, PutOptions::from(PutMode::Create))
        }));
        let mut won = Vec::new();
        for (creation, body) in creations.await.into_iter().zip(&bodies) {
            match creation {
                Ok(_) => won.push(body),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {}
                Err(StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) => return Ok(false),
                Err(error) => return Err(self.probe_error(error, path)),
            }
        }
        let there = self.store.get(path).await.map_err(|e| self.probe_error(e, path))?;
        let there = there.bytes().await.map_err(|e| self.probe_error(e, path))?;
        // Nobody may have heard of winning, if the first answer was lost and the retry met its own object.
        Ok(won.is_empty() || won == [&there])
    }

    fn probe_error(&self, error: StoreError, path: &Path) -> StorageError {
        match StorageError::from_store(error, &self.shown(path)) {
            StorageError::NotFound { .. } => StorageError::Invalid(format!(
                "the object store {} isn't there: make its bucket or container, or correct --object-store",
                self.url()
            )),
            other => other,
        }
    }
}
