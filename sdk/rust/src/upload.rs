//! Writes an object's bytes from a stream. Invariant: when the caller's stream fails, the call is torn down and nothing
//! is stored: an end of the request's stream always means that all bytes were sent.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use model::{BranchName, ObjectPath, RepositoryName};
use proto::api::Reason;
use proto::generated::api as wire;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;
use tokio_util::io::ReaderStream;
use tonic::Code;
use wire::put_object_header::{Absent, Condition as WireCondition};
use wire::put_object_request::Part;

use crate::{Error, Lakebed, Object};

/// The largest piece of a body in one message.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// How much of a reader is read at a time.
const READ_BYTES: usize = 256 << 10;

/// What to say about an uploaded object.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The media type; `application/octet-stream` if not given.
    pub content_type: Option<String>,
    /// User metadata, at most 2 KiB.
    pub metadata: BTreeMap<String, String>,
    /// The body's bytes, if known: the server refuses a body of another size.
    pub size: Option<u64>,
    /// On what condition to write.
    pub condition: Option<Condition>,
}

/// What must be so for a write to be taken; otherwise it is [`Reason::PreconditionFailed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No object is there.
    Absent,
    /// An object with this entity tag is there.
    Match(String),
}

impl Lakebed {
    /// Writes an object from a stream of bytes. It is there, whole and durable, when this returns.
    pub async fn upload<S>(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &ObjectPath,
        body: S,
        options: Upload,
    ) -> Result<Object, Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let header = header(repository, branch, path, options);
        let (fail, mut failed) = oneshot::channel();
        let parts = stream::once(async { Part::Header(header) }).chain(chunks(body, fail));
        let requests = parts.map(|part| wire::PutObjectRequest { part: Some(part) });
        let mut client = self.objects();
        let answer = tokio::select! {
            biased;
            Ok(error) = &mut failed => return Err(body_failed(&error)),
            answer = client.put(requests) => answer,
        };
        Ok(answer?.into_inner().try_into()?)
    }

    /// Writes an object from a reader.
    pub async fn upload_reader(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &ObjectPath,
        reader: impl AsyncRead + Send + 'static,
        options: Upload,
    ) -> Result<Object, Error> {
        let body = ReaderStream::with_capacity(reader, READ_BYTES);
        self.upload(repository, branch, path, body, options).await
    }

    /// Writes an object from memory.
    pub async fn upload_bytes(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &ObjectPath,
        bytes: impl Into<Bytes>,
        options: Upload,
    ) -> Result<Object, Error> {
        let bytes = bytes.into();
        let options = Upload { size: Some(bytes.len() as u64), ..options };
        self.upload(repository, branch, path, stream::iter([Ok(bytes)]), options).await
    }
}

fn header(
    repository: &RepositoryName,
    branch: &BranchName,
    path: &ObjectPath,
    options: Upload,
) -> wire::PutObjectHeader {
    wire::PutObjectHeader {
        repository: repository.to_string(),
        branch: branch.to_string(),
        path: path.to_string(),
        content_type: options.content_type.unwrap_or_default(),
        metadata: options.metadata,
        size: options.size,
        condition: options.condition.map(|condition| match condition {
            Condition::Absent => WireCondition::IfAbsent(Absent {}),
            Condition::Match(e_tag) => WireCondition::IfMatch(e_tag),
        }),
    }
}

/// The body in pieces that fit into messages. When it fails, the error goes to `fail` and the stream never ends, so that
/// the server can't take what came so far for all.
fn chunks<S>(body: S, fail: oneshot::Sender<io::Error>) -> impl Stream<Item = Part> + Send + 'static
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let start = (Box::pin(body), Bytes::new(), Some(fail));
    stream::unfold(start, async |(mut body, mut rest, mut fail)| {
        while rest.is_empty() {
            match body.next().await {
                None => return None,
                Some(Ok(bytes)) => rest = bytes,
                Some(Err(error)) => {
                    let fail = fail.take().expect("because the stream stops for ever behind its first error");
                    // Nobody listens any more only when the call is over.
                    let _ = fail.send(error);
                    futures::future::pending::<()>().await;
                }
            }
        }
        let chunk = rest.split_to(rest.len().min(CHUNK_BYTES_MAX));
        Some((Part::Chunk(chunk), (body, rest, fail)))
    })
}

fn body_failed(error: &io::Error) -> Error {
    Error::local(Code::Aborted, Reason::BodyFailed, format!("the upload's body failed, nothing was stored: {error}"))
}
