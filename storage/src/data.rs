//! Users' bytes: in as a stream, out as a stream. Owns the checks that no byte is missing; leaves parts of multipart
//! uploads to `multipart`. Invariant: memory per stream doesn't grow with the object.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use model::{Address, Entry};
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStoreExt};

use crate::digest::BodyDigest;
use crate::paths::is_reserved;
use crate::segments::Segments;
use crate::upload::upload;
use crate::{BodyError, PutError, RepositoryStorage, StorageError};

/// The bytes of an object, in pieces.
pub type BodyStream = BoxStream<'static, Result<Bytes, BodyError>>;

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub size: u64,
    /// Their MD5.
    pub md5: [u8; 16],
}

impl RepositoryStorage {
    /// Stores a body at an address from [`Self::new_address`]: all of it, durably, or nothing.
    ///
    /// `size_hint` saves memory and copies when it is right, and does no harm when it is wrong. The body's own error
    /// comes back as [`PutError::Body`].
    pub async fn put_data(
        &self,
        address: &Address,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<Stored, PutError> {
        let path = self.paths().writable(address)?;
        let stores = self.stores();
        let segments = Segments::new(body, size_hint);
        let stored = upload(&*stores.store, &path, segments, stores.limits, &stores.budget).await;
        stored.map_err(|e| e.into_put_error(&self.shown(&path)))
    }

    /// Streams a part of an object that lies in this installation's store. An object that ends before the range does is
    /// [`StorageError::Corrupt`]. [`Self::read`] reads what entries name, wherever it lies.
    pub async fn get_data(&self, address: &Address, range: Range<u64>) -> Result<BodyStream, StorageError> {
        let path = self.readable(address)?;
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range.clone())));
        let result = match self.stores().store.get_opts(&path, options).await {
            Ok(result) => result,
            Err(error) => return Err(self.range_error(error, &path, &range).await),
        };
        if result.range != range {
            return Err(self.too_short(&path, result.meta.size, &range));
        }
        Ok(self.pieces(result, &path))
    }

    /// How many bytes an object that lies in this installation's store has.
    pub async fn data_size(&self, address: &Address) -> Result<u64, StorageError> {
        Ok(self.data_meta(address).await?.size)
    }

    /// What the store says of an object that lies in it.
    pub(crate) async fn data_meta(&self, address: &Address) -> Result<ObjectMeta, StorageError> {
        let path = self.readable(address)?;
        self.stores().store.head(&path).await.map_err(|e| self.error(e, &path))
    }

    /// The MD5 of an object's bytes, read in pieces; an object that is shorter than its entry says is
    /// [`StorageError::Corrupt`].
    pub async fn data_md5(&self, entry: &Entry) -> Result<[u8; 16], StorageError> {
        let address = &entry.address;
        let mut body = self.read(entry, 0..entry.size).await?;
        let mut digest = BodyDigest::new();
        while let Some(piece) = body.try_next().await.map_err(|e| broken(address, e))? {
            digest.update(&piece).await.map_err(|e| broken(address, e.into()))?;
        }
        digest.finish().await.map_err(|e| broken(address, e.into()))
    }

    /// Deletes an object; one that isn't there is deleted already.
    pub async fn delete_data(&self, address: &Address) -> Result<(), StorageError> {
        let path = self.paths().writable(address)?;
        match self.stores().store.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(error, &path)),
        }
    }

    fn readable(&self, address: &Address) -> Result<Path, StorageError> {
        match address {
            Address::Relative(text) => self.paths().relative(text),
            Address::Full(url) => {
                let path = self.stores().locate(url).filter(|path| !is_reserved(path.as_ref()));
                path.ok_or_else(|| StorageError::Elsewhere { url: url.clone() })
            }
        }
    }

    /// What a store answered, with errors that say of what.
    pub(crate) fn pieces(&self, result: GetResult, path: &Path) -> BodyStream {
        let (storage, path) = (self.clone(), path.clone());
        let pieces = result.into_stream();
        pieces.map(move |piece| piece.map_err(|e| BodyError::from(storage.error(e, &path)))).boxed()
    }

    /// Tells a range after the object's end, which stores report in many ways, from other failures.
    pub(crate) async fn range_error(&self, error: StoreError, path: &Path, range: &Range<u64>) -> StorageError {
        let vague = matches!(error, StoreError::Generic { .. });
        match self.error(error, path) {
            unavailable @ StorageError::Unavailable { .. } if vague => match self.stores().store.head(path).await {
                Ok(meta) if meta.size < range.end => self.too_short(path, meta.size, range),
                _ => unavailable,
            },
            other => other,
        }
    }

    fn too_short(&self, path: &Path, size: u64, range: &Range<u64>) -> StorageError {
        let why = format!("it has {size} bytes, and bytes {} to {} were asked for", range.start, range.end);
        StorageError::Corrupt { path: self.shown(path), why }
    }
}

/// Takes what a body failed with for a failure of the store that it comes from.
pub(crate) fn broken(address: &Address, source: BodyError) -> StorageError {
    match source.downcast::<StorageError>() {
        Ok(error) => *error,
        Err(source) => StorageError::Unavailable { path: address.as_str().to_owned(), source },
    }
}
