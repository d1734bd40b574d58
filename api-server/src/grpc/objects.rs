//! Objects over gRPC. Invariant: bodies stream both ways, in chunks of at most [`CHUNK_BYTES_MAX`]; none is held whole.

use auth::{Action, Caller, HiddenPaths, Resource, authorize};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use graveler::{BodyStream, Found, Graveler, ListItem, ListRequest, Listing, RefExpr};
use model::{ObjectPath, RepositoryName, Require};
use proto::api::{InvalidField, Reason, object_to_wire, time_from_wire};
use proto::generated::api as wire;
use storage::StorageError;
use tonic::{Code, Request, Response, Status, Streaming};
use wire::list_item::Item;
use wire::objects_server::Objects;
use wire::put_object_header::Condition;
use wire::{get_object_response, put_object_request};

use super::Grpc;
use super::authentication::{authenticated, caller};
use super::fields::{amount, delimiter, reference, text};
use crate::error_table::{Told, status, tell};
use crate::flows::{CopyPreview, Deletion, Listed};
use crate::{Error, flows};

/// The largest piece of a body in one message.
const CHUNK_BYTES_MAX: usize = 1 << 20;

#[tonic::async_trait]
impl Objects for Grpc {
    async fn stat(&self, request: Request<wire::StatObjectRequest>) -> Result<Response<wire::Object>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let (expr, path) = (reference("ref", &message.r#ref)?, text("path", &message.path)?);
        authorize(&caller, Action::ReadObject, &seen(&repository, &expr, &path)).map_err(Error::from)?;
        let found = find(&self.graveler, &repository, &expr, &path).await?;
        Ok(Response::new(object_to_wire(path, found.entry)))
    }

    async fn list(
        &self,
        request: Request<wire::ListObjectsRequest>,
    ) -> Result<Response<wire::ListObjectsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let expr = reference("ref", &message.r#ref)?;
        let listed = Resource::listing(&repository, expr.base(), &message.prefix);
        authorize(&caller, Action::ListObjects, &listed).map_err(Error::from)?;
        let request = ListRequest {
            prefix: message.prefix,
            delimiter: delimiter(message.delimiter),
            after: message.after,
            amount: amount(message.amount),
        };
        let hidden = HiddenPaths::new(&caller, &repository, expr.base());
        let listing =
            self.graveler.list_shown(&repository, &expr, &request, Box::new(move |path| !hidden.has(path))).await;
        let Listing { items, next } = listing.map_err(Error::from)?;
        Ok(Response::new(wire::ListObjectsResponse {
            more: next.is_some(),
            next_after: next.unwrap_or_default(),
            items: items.into_iter().map(item_to_wire).collect(),
        }))
    }

    type GetStream = BoxStream<'static, Result<wire::GetObjectResponse, Status>>;

    async fn get(&self, request: Request<wire::GetObjectRequest>) -> Result<Response<Self::GetStream>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let (expr, path) = (reference("ref", &message.r#ref)?, text("path", &message.path)?);
        authorize(&caller, Action::ReadObject, &seen(&repository, &expr, &path)).map_err(Error::from)?;
        let Found { repository, entry } = find(&self.graveler, &repository, &expr, &path).await?;
        let range = range(message.range, &path, entry.size)?;
        let body = self.graveler.read(&repository, &entry, range.clone()).await.map_err(Error::from)?;
        let object = Some(object_to_wire(path, entry));
        let header = wire::GetObjectHeader { object, start: range.start, end: range.end };
        let header = get_object_response::Part::Header(header);
        let chunks = chunks(body).map_ok(get_object_response::Part::Chunk);
        let parts = stream::once(async { Ok(header) }).chain(chunks);
        Ok(Response::new(parts.map_ok(|part| wire::GetObjectResponse { part: Some(part) }).boxed()))
    }

    async fn put(&self, request: Request<Streaming<wire::PutObjectRequest>>) -> Result<Response<wire::Object>, Status> {
        let caller = caller(&request)?;
        let mut parts = request.into_inner();
        let Some(put_object_request::Part::Header(header)) = parts.message().await?.and_then(|message| message.part)
        else {
            return Err(Error::from(InvalidField::new("header", "must be the first message")).into());
        };
        let request = flows::PutObjectRequest {
            repository: text("repository", &header.repository)?,
            branch: text("branch", &header.branch)?,
            path: text("path", &header.path)?,
            content_type: header.content_type,
            metadata: header.metadata,
            size: header.size,
            require: header.condition.map(|condition| match condition {
                Condition::IfAbsent(_) => Require::Absent,
                Condition::IfMatch(e_tag) => Require::Present(Some(e_tag)),
            }),
        };
        let path = request.path.clone();
        let written = flows::put_object(&self.graveler, &caller, request, body(parts)).await?;
        Ok(Response::new(object_to_wire(path, written)))
    }

    async fn delete(
        &self,
        request: Request<wire::DeleteObjectsRequest>,
    ) -> Result<Response<wire::DeleteObjectsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let deletions = message.paths.iter().map(|path| Ok(Deletion { path: text("paths", path)?, only: None }));
        let deletions = deletions.collect::<Result<_, Status>>()?;
        self.delete_each(&caller, &message.repository, &message.branch, deletions).await
    }

    async fn delete_listed(
        &self,
        request: Request<wire::DeleteListedObjectsRequest>,
    ) -> Result<Response<wire::DeleteObjectsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let deletions = message.objects.into_iter().map(|wire::ListedObject { path, e_tag, last_modified }| {
            let only = Some(Listed { e_tag, last_modified: time_from_wire(last_modified) });
            Ok(Deletion { path: text("objects", &path)?, only })
        });
        let deletions = deletions.collect::<Result<_, Status>>()?;
        self.delete_each(&caller, &message.repository, &message.branch, deletions).await
    }

    async fn copy(
        &self,
        request: Request<wire::CopyObjectsRequest>,
    ) -> Result<Response<wire::CopyObjectsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let copied = flows::copy_objects(&self.graveler, &caller, copy_from_wire(message)?).await?;
        Ok(Response::new(wire::CopyObjectsResponse { copied: copied.objects }))
    }

    async fn r#move(
        &self,
        request: Request<wire::MoveObjectsRequest>,
    ) -> Result<Response<wire::MoveObjectsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let copied = flows::move_objects(&self.graveler, &caller, move_from_wire(message)?).await?;
        Ok(Response::new(wire::MoveObjectsResponse { moved: copied.objects - copied.kept, kept: copied.kept }))
    }

    type PreviewCopyStream = PreviewStream;

    async fn preview_copy(
        &self,
        request: Request<wire::CopyObjectsRequest>,
    ) -> Result<Response<PreviewStream>, Status> {
        let (caller, message) = authenticated(request)?;
        let preview = flows::preview_copy(self.graveler.clone(), caller, copy_from_wire(message)?).await?;
        Ok(Response::new(preview_to_wire(preview)))
    }

    type PreviewMoveStream = PreviewStream;

    async fn preview_move(
        &self,
        request: Request<wire::MoveObjectsRequest>,
    ) -> Result<Response<PreviewStream>, Status> {
        let (caller, message) = authenticated(request)?;
        let preview = flows::preview_move(self.graveler.clone(), caller, move_from_wire(message)?).await?;
        Ok(Response::new(preview_to_wire(preview)))
    }
}

type PreviewStream = BoxStream<'static, Result<wire::PreviewObjectsResponse, Status>>;

impl Grpc {
    async fn delete_each(
        &self,
        caller: &Caller,
        repository: &str,
        branch: &str,
        deletions: Vec<Deletion>,
    ) -> Result<Response<wire::DeleteObjectsResponse>, Status> {
        let (repository, branch) = (text("repository", repository)?, text("branch", branch)?);
        let kept = flows::delete_objects(&self.graveler, caller, &repository, &branch, deletions).await?;
        let failures = kept.into_iter().map(|(path, why)| {
            let Told { reason, message, .. } = tell(&why);
            wire::DeleteFailure { path: path.into(), reason: reason.to_string(), message }
        });
        Ok(Response::new(wire::DeleteObjectsResponse { failures: failures.collect() }))
    }
}

fn copy_from_wire(message: wire::CopyObjectsRequest) -> Result<flows::CopyRequest, Status> {
    let wire::CopyObjectsRequest { repository, source, from, branch, to, recursive } = message;
    let (repository, source) = (text("repository", &repository)?, reference("source", &source)?);
    Ok(flows::CopyRequest { repository, source, from, branch: text("branch", &branch)?, to, recursive })
}

fn move_from_wire(message: wire::MoveObjectsRequest) -> Result<flows::MoveRequest, Status> {
    let wire::MoveObjectsRequest { repository, branch, from, to, recursive } = message;
    let (repository, branch) = (text("repository", &repository)?, text("branch", &branch)?);
    Ok(flows::MoveRequest { repository, branch, from, to, recursive })
}

fn preview_to_wire(preview: CopyPreview) -> PreviewStream {
    let object = |(from, to): (ObjectPath, ObjectPath)| wire::PreviewedObject { from: from.into(), to: to.into() };
    let page =
        move |objects: Vec<_>| wire::PreviewObjectsResponse { objects: objects.into_iter().map(object).collect() };
    preview.map_ok(page).map_err(Status::from).boxed()
}

/// An object as policies see it.
fn seen(repository: &RepositoryName, expr: &RefExpr, path: &ObjectPath) -> Resource {
    Resource::object_of(repository, expr.base(), path)
}

async fn find(
    graveler: &Graveler,
    repository: &RepositoryName,
    expr: &RefExpr,
    path: &ObjectPath,
) -> Result<Found, Error> {
    let found = graveler.stat(repository, expr, path).await?;
    found.ok_or_else(|| Error::ObjectNotFound { reference: expr.to_string(), path: path.clone() })
}

/// The bytes asked for, cut to the object.
fn range(asked: Option<wire::ByteRange>, path: &ObjectPath, size: u64) -> Result<std::ops::Range<u64>, Error> {
    let Some(wire::ByteRange { start, end }) = asked else { return Ok(0..size) };
    if start >= size {
        return Err(Error::RangeNotSatisfiable { path: path.clone(), start, size });
    }
    match end {
        Some(end) if end <= start => Err(InvalidField::new("range", "ends before it begins").into()),
        Some(end) => Ok(start..end.min(size)),
        None => Ok(start..size),
    }
}

/// An object's bytes as chunks that fit into messages.
fn chunks(body: BodyStream) -> impl futures::Stream<Item = Result<Bytes, Status>> + Send {
    let pieces = body.map(|bytes| match bytes {
        Ok(bytes) => stream::iter(split(bytes).into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(read_failed(error))]),
    });
    pieces.flatten()
}

fn split(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while bytes.len() > CHUNK_BYTES_MAX {
        pieces.push(bytes.split_to(CHUNK_BYTES_MAX));
    }
    pieces.push(bytes);
    pieces
}

/// A body that breaks off half-way brings the store's own error.
fn read_failed(error: graveler::BodyError) -> Status {
    match error.downcast::<StorageError>() {
        Ok(error) => Error::from(graveler::Error::from(*error)).into(),
        Err(error) => {
            status(Code::Unavailable, Reason::StorageUnavailable, format!("the object can't be read: {error}"))
        }
    }
}

/// The chunks after the header as a body. A client that goes away makes it fail, so that nothing is stored.
fn body(parts: Streaming<wire::PutObjectRequest>) -> BodyStream {
    parts
        .map(|message| match message {
            Ok(wire::PutObjectRequest { part: Some(put_object_request::Part::Chunk(chunk)) }) => Ok(chunk),
            Ok(_) => Err("only chunks may follow the header".into()),
            Err(status) => Err(status.into()),
        })
        .boxed()
}

fn item_to_wire(item: ListItem) -> wire::ListItem {
    let item = match item {
        ListItem::Object(path, entry) => Item::Object(object_to_wire(path, entry)),
        ListItem::CommonPrefix(prefix) => Item::CommonPrefix(prefix),
    };
    wire::ListItem { item: Some(item) }
}
