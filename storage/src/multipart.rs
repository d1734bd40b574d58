//! Clients' multipart uploads. Owns how their parts and numbers map to the store's: one to one. Leaves who uploads
//! what, and which parts there are, to the metadata service.
//! Invariant: an object appears only by a completion, with all of its parts in the order of their numbers; of several
//! completions with other parts, one alone is told that it succeeded, and none where the store doesn't tell which.

use model::Address;
use object_store::Error as StoreError;
use object_store::multipart::PartId;
use object_store::path::Path;

use crate::completion::{Completed, CompletionPart, Made, is_e_tag_of};
use crate::presigned::Presigned;
use crate::segments::Segments;
use crate::upload::{Part, UploadError, upload};
use crate::{BodyStream, PutError, RepositoryStorage, Scheme, StorageError, Stored, paths};

/// The largest part that is held in memory, for stores that take a part only as a whole.
const BUFFERED_PART_BYTES_MAX: usize = 128 << 20;

/// Parts larger than this stream to S3 while they come in; smaller ones are held, so that they can be sent again.
const STREAMED_PART_BYTES_MIN: u64 = 16 << 20;

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
        let streamed = size_hint.filter(|size| *size > STREAMED_PART_BYTES_MIN);
        match (self.stores().scheme(), &self.stores().presigned, streamed) {
            (Scheme::Local, ..) => self.put_local_part(store_upload_id, number, segments).await,
            (Scheme::S3, Some(presigned), Some(size)) => {
                self.put_streamed_part(presigned, &path, store_upload_id, number, segments, size).await
            }
            _ => self.put_buffered_part(&path, store_upload_id, number, segments).await,
        }
    }

    /// Streams a part to S3 while it comes in.
    async fn put_streamed_part(
        &self,
        presigned: &Presigned,
        path: &Path,
        store_upload_id: &str,
        number: u32,
        mut segments: Segments,
        size: u64,
    ) -> Result<StoredPart, PutError> {
        let shown = self.shown(path);
        let id = presigned.put_part(path, &shown, store_upload_id, number, &mut segments, size).await?;
        stored_part(id, segments, &shown).await
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
        stored_part(id, segments, &shown).await
    }

    /// Makes the object of some of its parts, in ascending order of their numbers; gaps are fine. Done once, it is done again
    /// without harm: the object that is there is then taken for the one of these parts if it proves to be.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when the upload was completed with other parts, or ended otherwise.
    pub async fn complete_multipart(
        &self,
        address: &Address,
        store_upload_id: &str,
        parts: &[CompletionPart],
    ) -> Result<Completed, StorageError> {
        let path = self.paths().writable(address)?;
        if !parts.is_sorted_by(|a, b| a.number < b.number) || parts.is_empty() {
            return Err(StorageError::Invalid("parts must be given in ascending order, at least one".into()));
        }
        let ended = || StorageError::NotFound { path: self.shown(&path) };
        let completed = match &self.stores().presigned {
            Some(presigned) if has_gaps(parts) => {
                presigned.complete(&path, &self.shown(&path), store_upload_id, parts).await
            }
            _ => self.complete_in_order(&path, store_upload_id, parts).await,
        };
        let error = match completed {
            Ok(e_tag) => match e_tag.and_then(|e_tag| is_e_tag_of(&e_tag, parts)) {
                Some(true) => return Ok(Completed::OfThese),
                None if self.stores().scheme().completes_once() => return Ok(Completed::OfThese),
                None => return Ok(Completed::Untold),
                // Some stores answer each completion of an upload with what was made of it by the first.
                Some(false) => ended(),
            },
            Err(error) => error,
        };
        match self.made_of(address, &path, parts).await? {
            Made::Nothing => Err(error),
            Made::OfOthers => Err(ended()),
            Made::OfThese => {
                if let Err(error) = self.abort_multipart(address, store_upload_id).await {
                    tracing::warn!(%error, %path, "parts of a completed upload stay behind");
                }
                Ok(Completed::OfThese)
            }
        }
    }

    /// Completes by the order of the parts alone: all that a store without numbers knows, and enough for one with
    /// numbers when they go from 1 without a gap. Returns the ETag that the store names.
    async fn complete_in_order(
        &self,
        path: &Path,
        store_upload_id: &str,
        parts: &[CompletionPart],
    ) -> Result<Option<String>, StorageError> {
        let ids = parts.iter().map(|part| PartId { content_id: part.id.clone() }).collect();
        let completed = self.stores().multipart.complete_multipart(path, &store_upload_id.to_owned(), ids).await;
        completed.map(|put| put.e_tag).map_err(|e| self.error(e, path))
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

async fn stored_part(id: String, segments: Segments, shown: &str) -> Result<StoredPart, PutError> {
    match segments.finish().await {
        Ok(Stored { size, md5 }) => Ok(StoredPart { id, size, md5 }),
        Err(error) => Err(UploadError::from(error).into_put_error(shown)),
    }
}

fn has_gaps(parts: &[CompletionPart]) -> bool {
    (1..).zip(parts).any(|(expected, part)| part.number != expected)
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
