//! Counts what reaches an object store, by verb: the counters on which benchmarks and tests gate. Owns only counters.
//! Invariant: a request is counted when it is made, its bytes as they move.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartId, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reads bytes.
    Get,
    /// Asks for an object's size.
    Head,
    /// Writes an object whole.
    Put,
    /// Begins a multipart upload.
    Create,
    /// Writes a part.
    Part,
    /// Makes an object of parts.
    Complete,
    /// Takes parts back.
    Abort,
    /// Deletes an object.
    Delete,
    /// Lists objects.
    List,
    /// Copies an object.
    Copy,
}

/// Requests and bytes by verb. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<[Counter; 10]>);

#[derive(Debug, Default)]
struct Counter {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    /// How many requests of a verb were made.
    pub fn requests(&self, verb: Verb) -> u64 {
        self.0[verb as usize].requests.load(Relaxed)
    }

    /// How many bytes moved with a verb.
    pub fn bytes(&self, verb: Verb) -> u64 {
        self.0[verb as usize].bytes.load(Relaxed)
    }

    /// How many requests were made in all.
    pub fn all_requests(&self) -> u64 {
        self.0.iter().map(|counter| counter.requests.load(Relaxed)).sum()
    }

    /// Begins again at zero.
    pub fn reset(&self) {
        for counter in &*self.0 {
            counter.requests.store(0, Relaxed);
            counter.bytes.store(0, Relaxed);
        }
    }

    fn count(&self, verb: Verb, bytes: usize) {
        self.0[verb as usize].requests.fetch_add(1, Relaxed);
        self.add(verb, bytes);
    }

    fn add(&self, verb: Verb, bytes: usize) {
        self.0[verb as usize].bytes.fetch_add(bytes as u64, Relaxed);
    }
}

/// Counts the requests to a store.
pub struct Counting {
    store: Arc<dyn ObjectStore>,
    multipart: Arc<dyn MultipartStore>,
    counters: Counters,
}

impl Counting {
    /// Counts what goes to `store` and `multipart` in `counters`.
    pub fn new(store: Arc<dyn ObjectStore>, multipart: Arc<dyn MultipartStore>, counters: Counters) -> Arc<Self> {
        Arc::new(Self { store, multipart, counters })
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counting({:?})", self.store)
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counting({})", self.store)
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.counters.count(Verb::Put, payload.content_length());
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.counters.count(Verb::Create, 0);
        let upload = self.store.put_multipart_opts(location, options).await?;
        Ok(Box::new(CountingUpload { upload, counters: self.counters.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let verb = if options.head { Verb::Head } else { Verb::Get };
        self.counters.count(verb, 0);
        let result = self.store.get_opts(location, options).await?;
        if verb == Verb::Head {
            return Ok(result);
        }
        let counters = self.counters.clone();
        Ok(map_stream(result, move |pieces| {
            pieces.inspect(move |piece| counters.add(Verb::Get, piece.as_ref().map_or(0, Bytes::len))).boxed()
        }))
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.counters.count(Verb::Get, 0);
        let parts = self.store.get_ranges(location, ranges).await?;
        self.counters.add(Verb::Get, parts.iter().map(Bytes::len).sum());
        Ok(parts)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let counters = self.counters.clone();
        self.store.delete_stream(locations.inspect(move |_| counters.count(Verb::Delete, 0)).boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counters.count(Verb::List, 0);
        self.store.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counters.count(Verb::List, 0);
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.counters.count(Verb::List, 0);
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.counters.count(Verb::Copy, 0);
        self.store.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl MultipartStore for Counting {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.counters.count(Verb::Create, 0);
        self.multipart.create_multipart(path).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, index: usize, data: PutPayload) -> Result<PartId> {
        self.counters.count(Verb::Part, data.content_length());
        self.multipart.put_part(path, id, index, data).await
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        self.counters.count(Verb::Complete, 0);
        self.multipart.complete_multipart(path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.counters.count(Verb::Abort, 0);
        self.multipart.abort_multipart(path, id).await
    }
}

#[derive(Debug)]
struct CountingUpload {
    upload: Box<dyn MultipartUpload>,
    counters: Counters,
}

#[async_trait]
impl MultipartUpload for CountingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.counters.count(Verb::Part, data.content_length());
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.counters.count(Verb::Complete, 0);
        self.upload.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.counters.count(Verb::Abort, 0);
        self.upload.abort().await
    }
}

type Pieces = BoxStream<'static, Result<Bytes>>;

/// Replaces the bytes of an answer by what `map` makes of them.
pub(super) fn map_stream(result: GetResult, map: impl FnOnce(Pieces) -> Pieces) -> GetResult {
    let (meta, range) = (result.meta.clone(), result.range.clone());
    let (attributes, extensions) = (result.attributes.clone(), result.extensions.clone());
    let payload = GetResultPayload::Stream(map(result.into_stream()));
    GetResult { payload, meta, range, attributes, extensions }
}
