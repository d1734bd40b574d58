//! How a body of any size becomes one object: in one PUT if it is small, else in parts that are sent while the next is
//! gathered. Owns the life of its parts; leaves their sizes and room to `budget`.
//! Invariant: the object appears whole or not at all; whatever ends early takes its parts back.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error as StoreError, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};
use tracing::warn;

use crate::budget::{Budget, Busy, Limits};
use crate::segments::{SEGMENT_BYTES_MAX, SegmentError, Segments};
use crate::{BodyError, PutError, StorageError, Stored};

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

impl From<Busy> for UploadError {
    fn from(_: Busy) -> Self {
        Self::Busy
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
        let (payload, _held_until_sent) = first.into_payload_and_permit();
        store.put_opts(path, payload, PutOptions::default()).await?;
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
            let segment = match ahead.take() {
                Some(segment) => segment,
                None => match segments.next().await? {
                    Some(segment) => segment,
                    None => break,
                },
            };
            if part.segments.len() == 1 {
                part.permit = Some(budget.take(expected(segments.hint(), limits.part_bytes)).await?);
            }
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

#[cfg(test)]
mod tests;
