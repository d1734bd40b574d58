//! An object store that can't be written to: what a check of somebody's bucket opens. Owns the refusal of every verb
//! that changes something. Invariant: no request but reads and lists reaches the store under it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Lets only reads and lists through.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    store: Arc<dyn ObjectStore>,
}

impl ReadOnly {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { store })
    }
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadOnly({})", self.store)
    }
}

fn refused<T>(location: &Path) -> Result<T> {
    Err(Error::PermissionDenied { path: location.to_string(), source: "the store was opened only to be read".into() })
}

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn put_opts(&self, location: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        refused(location)
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        refused(location)
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        locations.flat_map(|location| stream::iter([location.and_then(|location| refused(&location))])).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, to: &Path, _: CopyOptions) -> Result<()> {
        refused(to)
    }
}

#[async_trait]
impl MultipartStore for ReadOnly {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        refused(path)
    }

    async fn put_part(&self, path: &Path, _: &MultipartId, _: usize, _: PutPayload) -> Result<PartId> {
        refused(path)
    }

    async fn complete_multipart(&self, path: &Path, _: &MultipartId, _: Vec<PartId>) -> Result<PutResult> {
        refused(path)
    }

    async fn abort_multipart(&self, path: &Path, _: &MultipartId) -> Result<()> {
        refused(path)
    }
}
