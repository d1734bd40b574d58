//! One repository's objects. Owns the immutable ones (ranges, metaranges, commits) and `format.json`; `data` and
//! `multipart` add users' bytes. Invariant: what is put under a content id is never replaced by something else.

use std::fmt;
use std::future::ready;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use model::{Address, CommitId, DumpId, StorageNamespace};
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::error::http_error;
use crate::paths::Paths;
use crate::{BodyStream, Format, Immutable, StorageError, Stores};

/// A repository's part of the object store. Cheap to clone.
#[derive(Clone)]
pub struct RepositoryStorage {
    inner: Arc<Inner>,
}

struct Inner {
    stores: Arc<Stores>,
    namespace: StorageNamespace,
    paths: Paths,
}

/// The end of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix {
    /// The last bytes; all of them if the object is shorter than was asked for.
    pub bytes: Bytes,
    /// Bytes in the whole object.
    pub size: u64,
}

impl RepositoryStorage {
    pub(crate) fn new(stores: Arc<Stores>, namespace: StorageNamespace, paths: Paths) -> Self {
        Self { inner: Arc::new(Inner { stores, namespace, paths }) }
    }

    /// Where the repository lives.
    pub fn namespace(&self) -> &StorageNamespace {
        &self.inner.namespace
    }

    /// Claims the namespace by writing `format.json`, which must not be there: [`StorageError::AlreadyExists`].
    ///
    /// A file with the same content is this same creation, tried again, and is success.
    pub async fn create_format(&self, format: &Format) -> Result<(), StorageError> {
        let path = self.paths().format();
        let json = Bytes::from(format.to_json());
        let options = PutOptions::from(PutMode::Create);
        match self.stores().store.put_opts(&path, PutPayload::from_bytes(json.clone()), options).await {
            Ok(_) => Ok(()),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                let there = self.read_whole(&path, GetOptions::default()).await?;
                if there.bytes == json { Ok(()) } else { Err(StorageError::AlreadyExists { path: self.shown(&path) }) }
            }
            Err(error) => Err(self.error(error, &path)),
        }
    }

    /// Reads `format.json`. Refuses one that only newer software understands.
    pub async fn read_format(&self) -> Result<Format, StorageError> {
        let path = self.paths().format();
        let json = self.read_whole(&path, GetOptions::default()).await?.bytes;
        Format::from_json(&json).map_err(|why| StorageError::Corrupt { path: self.shown(&path), why })
    }

    /// Writes an immutable object. Idempotent: its content names it.
    pub async fn put(&self, object: &Immutable, bytes: Bytes) -> Result<(), StorageError> {
        let path = self.paths().immutable(object);
        let put = self.stores().store.put(&path, PutPayload::from_bytes(bytes)).await;
        put.map(|_| ()).map_err(|e| self.error(e, &path))
    }

    /// Reads a whole immutable object.
    pub async fn get(&self, object: &Immutable) -> Result<Bytes, StorageError> {
        let path = self.paths().immutable(object);
        Ok(self.read_whole(&path, GetOptions::default()).await?.bytes)
    }

    /// Streams a whole immutable object, and says how large it is.
    pub async fn stream(&self, object: &Immutable) -> Result<(u64, BodyStream), StorageError> {
        let path = self.paths().immutable(object);
        match self.stores().store.get_opts(&path, GetOptions::default()).await {
            Ok(result) => Ok((result.meta.size, self.pieces(result, &path))),
            Err(error) => Err(self.error(error, &path)),
        }
    }

    /// Writes a file of a dump of refs. Idempotent: its content names it.
    pub async fn put_dump(&self, id: &DumpId, bytes: Bytes) -> Result<(), StorageError> {
        let path = self.paths().dump(id);
        let put = self.stores().store.put(&path, PutPayload::from_bytes(bytes)).await;
        put.map(|_| ()).map_err(|e| self.error(e, &path))
    }

    /// Reads a file of a dump of refs.
    pub async fn get_dump(&self, id: &DumpId) -> Result<Bytes, StorageError> {
        Ok(self.read_whole(&self.paths().dump(id), GetOptions::default()).await?.bytes)
    }

    /// Reads a part of an immutable object. A range that ends after the object's end is cut there; one that begins
    /// there is [`StorageError::Corrupt`], since the caller knows the size from where it knows the object.
    pub async fn get_range(&self, object: &Immutable, range: Range<u64>) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let path = self.paths().immutable(object);
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range.clone())));
        match self.fetch(&path, options).await {
            Ok(found) => Ok(found.bytes),
            Err(error) => Err(self.range_error(error, &path, &range).await),
        }
    }

    /// Reads the last `bytes` of an immutable object, and says how large it is.
    pub async fn get_suffix(&self, object: &Immutable, bytes: u64) -> Result<Suffix, StorageError> {
        let path = self.paths().immutable(object);
        let options = GetOptions::new().with_range(Some(GetRange::Suffix(bytes.max(1))));
        match self.fetch(&path, options).await {
            Ok(suffix) => Ok(suffix),
            // Azure has no suffix requests, and some servers fail when the suffix is longer than the object. One that
            // answered nothing won't answer the next request either.
            Err(error @ (StoreError::NotSupported { .. } | StoreError::Generic { .. }))
                if http_error(&error).is_none() =>
            {
                self.suffix_by_size(&path, bytes.max(1), error).await
            }
            Err(error) => Err(self.error(error, &path)),
        }
    }

    /// Asks for the size, then for the bytes; unless that can't be why the first request failed.
    async fn suffix_by_size(&self, path: &Path, bytes: u64, first: StoreError) -> Result<Suffix, StorageError> {
        let size = self.stores().store.head(path).await.map_err(|e| self.error(e, path))?.size;
        if bytes <= size && !matches!(first, StoreError::NotSupported { .. }) {
            return Err(self.error(first, path));
        }
        if size == 0 {
            return Ok(Suffix { bytes: Bytes::new(), size });
        }
        let range = GetRange::Bounded(size.saturating_sub(bytes)..size);
        self.read_whole(path, GetOptions::new().with_range(Some(range))).await
    }

    /// The ids of commits that begin with some hex digits, in order, at most `limit`.
    pub async fn commits_with_prefix(&self, hex_prefix: &str, limit: usize) -> Result<Vec<CommitId>, StorageError> {
        let folder = self.paths().commits();
        if hex_prefix.is_empty() || !hex_prefix.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(Vec::new());
        }
        if let Ok(id) = hex_prefix.parse::<CommitId>() {
            return self.commit_if_there(id).await;
        }
        let offset = folder.clone().join(hex_prefix);
        let mut found = Vec::new();
        let mut listing = self.stores().store.list_with_offset(Some(&folder), &offset);
        while let Some(meta) = listing.try_next().await.map_err(|e| self.error(e, &folder))? {
            let name = meta.location.filename().unwrap_or_default();
            if name < hex_prefix {
                // A store that lists from the beginning all the same.
                continue;
            }
            if found.len() == limit || !name.starts_with(hex_prefix) {
                break;
            }
            found.extend(name.parse::<CommitId>());
        }
        Ok(found)
    }

    /// The ids of all commit objects, in no order. Files that aren't named as commits are passed over.
    pub fn commits(&self) -> BoxStream<'static, Result<CommitId, StorageError>> {
        let (storage, folder) = (self.clone(), self.paths().commits());
        let listing = self.stores().store.list(Some(&folder));
        listing
            .map_err(move |e| storage.error(e, &folder))
            .try_filter_map(|meta| ready(Ok(meta.location.filename().and_then(|name| name.parse().ok()))))
            .boxed()
    }

    async fn commit_if_there(&self, id: CommitId) -> Result<Vec<CommitId>, StorageError> {
        let path = self.paths().immutable(&Immutable::Commit(id));
        match self.stores().store.head(&path).await {
            Ok(_) => Ok(vec![id]),
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(self.error(error, &path)),
        }
    }

    /// A new address for users' bytes, used by nobody else.
    pub fn new_address(&self) -> Address {
        self.stores().new_address()
    }

    async fn read_whole(&self, path: &Path, options: GetOptions) -> Result<Suffix, StorageError> {
        self.fetch(path, options).await.map_err(|e| self.error(e, path))
    }

    async fn fetch(&self, path: &Path, options: GetOptions) -> object_store::Result<Suffix> {
        let result = self.stores().store.get_opts(path, options).await?;
        let size = result.meta.size;
        Ok(Suffix { bytes: result.bytes().await?, size })
    }

    pub(crate) fn stores(&self) -> &Arc<Stores> {
        &self.inner.stores
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.inner.paths
    }

    /// A path as messages name it: the configured URL's form, not the key in the bucket.
    pub(crate) fn shown(&self, path: &Path) -> String {
        self.stores().shown(path)
    }

    pub(crate) fn error(&self, error: StoreError, path: &Path) -> StorageError {
        StorageError::from_store(error, &self.shown(path))
    }
}

impl fmt::Debug for RepositoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RepositoryStorage").field(&self.inner.namespace).finish()
    }
}
