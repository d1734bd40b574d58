//! How a body of any size becomes one object: in one PUT if it is small, else in parts that are sent while the next is
//! gathered. Owns the sizes of parts and the process-wide budget of their buffers.
//! Invariant: the object appears whole or not at all; whatever ends early takes its parts back.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error as StoreError, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tracing::warn;

use crate::segments::{SEGMENT_BYTES_MAX, SegmentError, Segments};
use crate::{BodyError, PutError, Scheme, StorageError, Stored};

/// What all part buffers of this process may hold together.
pub(crate) const PART_BUFFERS_BYTES_MAX: usize = 256 << 20;

/// The size of a part that is gathered for a remote store; S3's least is 5 MiB. Bodies up to this size go in one PUT.
const REMOTE_PART_BYTES: usize = 8 << 20;

/// How many parts of one body are sent at a time.
const REMOTE_PARTS_IN_FLIGHT_MAX: usize = 4;

/// How long a part waits for room in the budget before its request fails.
const BUDGET_WAIT: Duration = Duration::from_secs(60);

/// How bodies are cut for a kind of store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    part_bytes: usize,
    in_flight_max: usize,
}

impl Limits {
    pub(crate) fn of(scheme: Scheme) -> Self {
        match scheme {
            // A local file takes bytes as they come: no reason to keep more than the segment that is being written.
            Scheme::Local => Self { part_bytes: SEGMENT_BYTES_MAX, in_flight_max: 1 },
            Scheme::Memory | Scheme::S3 | Scheme::Gcs | Scheme::Azure => {
                Self { part_bytes: REMOTE_PART_BYTES, in_flight_max: REMOTE_PARTS_IN_FLIGHT_MAX }
            }
        }
    }
}

/// The room that part buffers share, counted in KiB.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    /// That of the process.
    pub(crate) fn process() -> Self {
        static PROCESS: LazyLock<Arc<Semaphore>> =
            LazyLock::new(|| Arc::new(Semaphore::new(PART_BUFFERS_BYTES_MAX >> 10)));
        Self(Arc::clone(&PROCESS))
    }

    /// Waits for room; gives up after [`BUDGET_WAIT`].
    pub(crate) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, UploadError> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let permit = tokio::time::timeout(BUDGET_WAIT, Arc::clone(&self.0).acquire_many_owned(kib));
        match permit.await {
            Ok(permit) => Ok(permit.expect("because the process's budget is never closed")),
            Err(_) => Err(UploadError::Busy),
        }
    }
}

/// Why a body didn't become an object.
pub(crate) enum UploadError {
    Body(BodyError),
    Store(StoreError),
    /// Other uploads hold all buffers.
    Busy,
}

impl UploadError {
    pub(crate) fn into_put_error(self, path: &str) -> PutError {
        match self {
            Self::Body(error) => PutError::Body(error),
            Self::Store(error) => PutError::Storage(StorageError::from_store(error, path)),
            Self::Busy => PutError::Storage(StorageError::Unavailable {
                path: path.to_owned(),
                source: "other uploads hold all of the memory for parts".into(),
            }),
        }
    }
}

impl From<SegmentError> for UploadError {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Body(error) => Self::Body(error),
            SegmentError::Runtime(error) => error.into(),
        }
    }
}

impl From<JoinError> for UploadError {
    fn from(error: JoinError) -> Self {
        Self::Store(error.into())
    }
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Stores a body as one object.
pub(crate) async fn upload(
    store: &dyn ObjectStore,
    path: &Path,
    mut segments: Segments,
    limits: Limits,
    budget: &Budget,
) -> Result<Stored, UploadError> {
    let first = Part::gather(&mut segments, None, limits, budget).await?;
    let ahead = if first.bytes < limits.part_bytes { None } else { segments.next().await? };
    if ahead.is_none() {
        store.put_opts(path, first.into_payload(), PutOptions::default()).await?;
    } else {
        let mut sending = Sending::begin(store, path).await?;
        let sent = send_parts(&mut sending, first, ahead, &mut segments, limits, budget).await;
        sending.end(sent).await?;
    }
    Ok(segments.finish().await?)
}

async fn send_parts(
    sending: &mut Sending,
    first: Part,
    mut ahead: Option<Bytes>,
    segments: &mut Segments,
    limits: Limits,
    budget: &Budget,
) -> Result<(), UploadError> {
    sending.send(first, limits).await?;
    loop {
        let part = Part::gather(segments, ahead.take(), limits, budget).await?;
        if part.bytes == 0 {
            return Ok(());
        }
        sending.send(part, limits).await?;
    }
}

/// Segments on their way to one part of an object.
#[derive(Default)]
pub(crate) struct Part {
    segments: Vec<Bytes>,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Part {
    /// Gathers the next part, which begins with what was read ahead. Only a part of more than one segment needs room
    /// in the budget, so small bodies never wait for large ones.
    async fn gather(
        segments: &mut Segments,
        mut ahead: Option<Bytes>,
        limits: Limits,
        budget: &Budget,
    ) -> Result<Self, UploadError> {
        let mut part = Self::default();
        while part.bytes < limits.part_bytes {
            if part.segments.len() == 1 {
                part.permit = Some(budget.take(expected(segments.hint(), limits.part_bytes)).await?);
            }
            let segment = match ahead.take() {
                Some(segment) => segment,
                None => match segments.next().await? {
                    Some(segment) => segment,
                    None => break,
                },
            };
            part.bytes += segment.len();
            part.segments.push(segment);
        }
        Ok(part)
    }

    /// Gathers a whole body as one part of at most `bytes_max`; `None` when it is larger.
    pub(crate) async fn whole(
        segments: &mut Segments,
        bytes_max: usize,
        budget: &Budget,
    ) -> Result<Option<Self>, UploadError> {
        let mut part = Self::default();
        let expected = expected(segments.hint(), bytes_max);
        while let Some(segment) = segments.next().await? {
            if part.segments.len() == 1 {
                part.permit = Some(budget.take(expected).await?);
            }
            part.bytes += segment.len();
            if part.bytes > bytes_max {
                return Ok(None);
            }
            part.segments.push(segment);
        }
        Ok(Some(part))
    }

    /// The part as the store takes it, and the room that it holds until it is sent.
    pub(crate) fn into_payload_and_permit(self) -> (PutPayload, Option<OwnedSemaphorePermit>) {
        (self.segments.into_iter().collect(), self.permit)
    }

    fn into_payload(self) -> PutPayload {
        self.segments.into_iter().collect()
    }
}

/// How many bytes to reserve for a part.
fn expected(hint: Option<u64>, most: usize) -> usize {
    hint.map_or(most, |hint| usize::try_from(hint).unwrap_or(most).clamp(SEGMENT_BYTES_MAX, most))
}

/// A multipart upload under way that is taken back unless it ends well, even when its future is dropped.
struct Sending {
    upload: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<object_store::Result<()>>,
    path: Path,
}

impl Sending {
    async fn begin(store: &dyn ObjectStore, path: &Path) -> Result<Self, UploadError> {
        let upload = store.put_multipart_opts(path, PutMultipartOptions::default()).await?;
        Ok(Self { upload: Some(upload), parts: JoinSet::new(), path: path.clone() })
    }

    /// Begins to send a part, once fewer than the most are in flight.
    async fn send(&mut self, part: Part, limits: Limits) -> Result<(), UploadError> {
        while self.parts.len() >= limits.in_flight_max {
            self.join_one().await?;
        }
        let upload = self.upload.as_mut().expect("because it ends only once");
        let (payload, permit) = part.into_payload_and_permit();
        let sent = upload.put_part(payload);
        self.parts.spawn(async move {
            let _held_until_sent = permit;
            sent.await
        });
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), UploadError> {
        match self.parts.join_next().await {
            Some(sent) => Ok(sent??),
            None => Ok(()),
        }
    }

    /// Completes the upload if all went well, and takes it back otherwise.
    async fn end(mut self, sent: Result<(), UploadError>) -> Result<(), UploadError> {
        let completed = match sent {
            Ok(()) => self.complete().await,
            Err(error) => Err(error),
        };
        self.parts.shutdown().await;
        let mut upload = self.upload.take().expect("because it ends only once");
        if completed.is_err() {
            abort(&mut upload, &self.path).await;
        }
        completed
    }

    async fn complete(&mut self) -> Result<(), UploadError> {
        while !self.parts.is_empty() {
            self.join_one().await?;
        }
        let upload = self.upload.as_mut().expect("because it ends only once");
        upload.complete().await?;
        Ok(())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let (Some(mut upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (mut parts, path) = (std::mem::take(&mut self.parts), self.path.clone());
        runtime.spawn(async move {
            parts.shutdown().await;
            abort(&mut upload, &path).await;
        });
    }
}

async fn abort(upload: &mut Box<dyn MultipartUpload>, path: &Path) {
    if let Err(error) = upload.abort().await {
        warn!(%path, %error, "parts of an upload that failed couldn't be removed; a lifecycle rule of the store should");
    }
}
