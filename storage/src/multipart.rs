//! Clients' multipart uploads. Owns how their parts and numbers map to the store's: one to one. Leaves who uploads
//! what, and which parts there are, to the metadata service.
//! Invariant: an object appears only by a completion, with all of its parts in the order of their numbers.

use model::Address;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt};

use crate::segments::Segments;
use crate::upload::{Part, upload};
use crate::{BodyStream, PutError, RepositoryStorage, Scheme, StorageError, Stored, paths};

/// The largest part that is held in memory, for stores that take a part only as a whole.
const BUFFERED_PART_BYTES_MAX: usize = 128 << 20;

/// A part that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// What the store calls it.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// Their MD5.
    pub md5: [u8; 16],
}

impl RepositoryStorage {
    /// Begins a multipart upload to an address; returns the store's id of it.
    pub async fn create_multipart(&self, address: &Address) -> Result<String, StorageError> {
        let path = self.paths().writable(address)?;
        self.stores().multipart.create_multipart(&path).await.map_err(|e| self.error(e, &path))
    }

    /// Stores a part: all of it, durably, or nothing. A number that is stored twice has two ids; the completion says
    /// which counts.
    pub async fn put_part(
        &self,
        address: &Address,
        store_upload_id: &str,
        number: u32,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<StoredPart, PutError> {
        let path = self.paths().writable(address)?;
        let segments = Segments::new(body, size_hint);
        match self.stores().scheme() {
            Scheme::Local => self.put_local_part(store_upload_id, number, segments).await,
            _ => self.put_buffered_part(&path, store_upload_id, number, segments).await,
        }
    }

    /// Streams a part into a file of its own.
    async fn put_local_part(
        &self,
        store_upload_id: &str,
        number: u32,
        segments: Segments,
    ) -> Result<StoredPart, PutError> {
        let stores = self.stores();
        let id = paths::local_part_id(number, rand::random());
        let path = paths::local_part(store_upload_id, &id)?;
        let Stored { size, md5 } = upload(&*stores.store, &path, segments, stores.limits, &stores.budget)
            .await
            .map_err(|e| e.into_put_error(&self.shown(&path)))?;
        Ok(StoredPart { id, size, md5 })
    }

    async fn put_buffered_part(
        &self,
        path: &Path,
        store_upload_id: &str,
        number: u32,
        mut segments: Segments,
    ) -> Result<StoredPart, PutError> {
        let shown = self.shown(path);
        let part = Part::whole(&mut segments, BUFFERED_PART_BYTES_MAX, &self.stores().budget)
            .await
            .map_err(|e| e.into_put_error(&shown))?
            .ok_or_else(|| too_large(&shown, number))?;
        let (payload, permit) = part.into_payload_and_permit();
        let upload = store_upload_id.to_owned();
        let sent = self.stores().multipart.put_part(path, &upload, part_index(number), payload).await;
        drop(permit);
        let id = sent.map_err(|e| self.error(e, path))?.content_id;
        let Stored { size, md5 } = segments.finish().await.map_err(|e| {
            let error: crate::upload::UploadError = e.into();
            error.into_put_error(&shown)
        })?;
        Ok(StoredPart { id, size, md5 })
    }

    /// Makes the object of some of its parts, in ascending order of their numbers; gaps are fine.
    pub async fn complete_multipart(
        &self,
        address: &Address,
        store_upload_id: &str,
        parts: &[(u32, String)],
    ) -> Result<(), StorageError> {
        let path = self.paths().writable(address)?;
        if !parts.is_sorted_by(|a, b| a.0 < b.0) || parts.is_empty() {
            return Err(StorageError::Invalid("parts must be given in ascending order, at least one".into()));
        }
        let ids = parts.iter().map(|(_, id)| PartId { content_id: id.clone() }).collect();
        let completed = self.stores().multipart.complete_multipart(&path, &store_upload_id.to_owned(), ids).await;
        match completed {
            Ok(_) => Ok(()),
            // A first try may have succeeded without our hearing of it: the address is this upload's alone.
            Err(StoreError::NotFound { .. }) if self.stores().store.head(&path).await.is_ok() => Ok(()),
            Err(error) => Err(self.error(error, &path)),
        }
    }

    /// Ends an upload and removes its parts; one that ended already is fine.
    pub async fn abort_multipart(&self, address: &Address, store_upload_id: &str) -> Result<(), StorageError> {
        let path = self.paths().writable(address)?;
        match self.stores().multipart.abort_multipart(&path, &store_upload_id.to_owned()).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(error, &path)),
        }
    }
}

/// `object_store` counts parts from 0, S3 from 1.
fn part_index(number: u32) -> usize {
    number.saturating_sub(1) as usize
}

fn too_large(path: &str, number: u32) -> StorageError {
    StorageError::Invalid(format!(
        "part {number} of {path} is larger than {} MiB, the most that this object store takes: send smaller parts",
        BUFFERED_PART_BYTES_MAX >> 20
    ))
}
