//! Makes an object store fail as a script says, to show that nothing is lost when it does. Owns the script.
//! Invariant: without a rule that fits, a request goes through unchanged.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{self, BoxFuture};
use futures::stream::{self, BoxStream, StreamExt};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::Verb;
use super::counting::map_stream;

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store answers 500 or 503 until retries are used up.
    Unavailable,
    /// It doesn't know the object.
    NotFound,
    /// It refuses the credentials.
    Denied,
    /// It has no room left (`ENOSPC`).
    Full,
    /// It sends half of what was asked for, then breaks off. Like [`Self::Unavailable`] for what isn't a GET.
    HalfBody,
    /// It never answers.
    Hang,
    /// It answers nothing until the time for an answer is over, whose end isn't waited for.
    Silent,
    /// It does what was asked, and the answer is lost.
    LostAnswer,
}

/// Which requests fail, and how. Cheap to clone; all clones are one script.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

#[derive(Debug)]
struct Rule {
    verb: Verb,
    skip: usize,
    times: usize,
    fault: Fault,
}

impl Faults {
    /// Every request of a verb fails from now on.
    pub fn always(&self, verb: Verb, fault: Fault) {
        self.rules().push(Rule { verb, skip: 0, times: usize::MAX, fault });
    }

    /// The request of a verb that comes after `skip` others fails, once.
    pub fn once_after(&self, verb: Verb, skip: usize, fault: Fault) {
        self.rules().push(Rule { verb, skip, times: 1, fault });
    }

    /// Nothing fails any more.
    pub fn clear(&self) {
        self.rules().clear();
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to the next request of a verb.
    fn next(&self, verb: Verb) -> Option<Fault> {
        let mut hit = None;
        for rule in self.rules().iter_mut().filter(|rule| rule.verb == verb) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 && hit.is_none() {
                rule.times -= 1;
                hit = Some(rule.fault);
            }
        }
        hit
    }

    /// Runs a request, or fails as the script says.
    async fn judge<T>(&self, verb: Verb, path: &Path, request: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(fault) = self.next(verb) else { return request.await };
        match fault {
            Fault::Hang => future::pending().await,
            Fault::LostAnswer => {
                request.await?;
                Err(generic("the connection broke before the answer came"))
            }
            other => Err(other.error(path)),
        }
    }
}

impl Fault {
    fn error(self, path: &Path) -> Error {
        let path = path.to_string();
        match self {
            Self::Unavailable | Self::HalfBody | Self::Hang | Self::LostAnswer => generic("503 Service Unavailable"),
            Self::Silent => {
                let silence = HttpError::new(HttpErrorKind::Timeout, io::Error::from(io::ErrorKind::TimedOut));
                Error::Generic { store: "faulty", source: silence.into() }
            }
            Self::NotFound => Error::NotFound { path, source: "404 Not Found".into() },
            Self::Denied => Error::PermissionDenied { path, source: "403 Forbidden".into() },
            Self::Full => {
                Error::Generic { store: "faulty", source: io::Error::from(io::ErrorKind::StorageFull).into() }
            }
        }
    }
}

fn generic(what: &'static str) -> Error {
    Error::Generic { store: "faulty", source: what.into() }
}

/// Fails a store's requests by a script.
pub struct Faulty {
    store: Arc<dyn ObjectStore>,
    multipart: Arc<dyn MultipartStore>,
    faults: Faults,
}

impl Faulty {
    /// Fails what goes to `store` and `multipart` as `faults` says.
    pub fn new(store: Arc<dyn ObjectStore>, multipart: Arc<dyn MultipartStore>, faults: Faults) -> Arc<Self> {
        Arc::new(Self { store, multipart, faults })
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({:?})", self.store)
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.store)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.faults.judge(Verb::Put, location, self.store.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let request = self.store.put_multipart_opts(location, options);
        let upload = self.faults.judge(Verb::Create, location, request).await?;
        Ok(Box::new(FaultyUpload { upload, path: location.clone(), faults: self.faults.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            return self.faults.judge(Verb::Head, location, self.store.get_opts(location, options)).await;
        }
        match self.faults.next(Verb::Get) {
            None => self.store.get_opts(location, options).await,
            Some(Fault::HalfBody) => Ok(halve(self.store.get_opts(location, options).await?)),
            Some(Fault::Hang) => future::pending().await,
            Some(fault) => Err(fault.error(location)),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.faults.judge(Verb::Get, location, self.store.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let faults = self.faults.clone();
        let judged = locations.then(move |location| {
            let faults = faults.clone();
            async move {
                let location = location?;
                faults.judge(Verb::Delete, &location, future::ready(Ok(()))).await?;
                Ok(location)
            }
        });
        self.store.delete_stream(judged.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.judge_listing(prefix, self.store.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.judge_listing(prefix, self.store.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let at = prefix.cloned().unwrap_or_default();
        self.faults.judge(Verb::List, &at, self.store.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.faults.judge(Verb::Copy, from, self.store.copy_opts(from, to, options)).await
    }
}

impl Faulty {
    fn judge_listing(
        &self,
        prefix: Option<&Path>,
        listing: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let at = prefix.cloned().unwrap_or_default();
        match self.faults.next(Verb::List) {
            None => listing,
            Some(Fault::Hang) => stream::pending().boxed(),
            Some(fault) => stream::once(future::ready(Err(fault.error(&at)))).boxed(),
        }
    }
}

#[async_trait]
impl MultipartStore for Faulty {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.faults.judge(Verb::Create, path, self.multipart.create_multipart(path)).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, index: usize, data: PutPayload) -> Result<PartId> {
        self.faults.judge(Verb::Part, path, self.multipart.put_part(path, id, index, data)).await
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        self.faults.judge(Verb::Complete, path, self.multipart.complete_multipart(path, id, parts)).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.faults.judge(Verb::Abort, path, self.multipart.abort_multipart(path, id)).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    upload: Box<dyn MultipartUpload>,
    path: Path,
    faults: Faults,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (faults, path) = (self.faults.clone(), self.path.clone());
        let request: BoxFuture<'static, Result<()>> = self.upload.put_part(data);
        Box::pin(async move { faults.judge(Verb::Part, &path, request).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.faults.judge(Verb::Complete, &self.path, self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.faults.judge(Verb::Abort, &self.path, self.upload.abort()).await
    }
}

/// Breaks an answer off in its middle.
fn halve(result: GetResult) -> GetResult {
    let half = (result.range.end - result.range.start) / 2;
    map_stream(result, |pieces| {
        let first_half = pieces.scan(half, |left, piece| {
            let piece = piece.map(|mut bytes| {
                let keep = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= keep as u64;
                bytes.split_to(keep)
            });
            future::ready(piece.as_ref().map_or(true, |bytes| !bytes.is_empty()).then_some(piece))
        });
        let broken = stream::once(future::ready(Err(generic("the connection broke in the middle of the body"))));
        first_half.chain(broken).boxed()
    })
}
