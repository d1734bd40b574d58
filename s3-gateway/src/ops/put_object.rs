//! PutObject. Owns the walk from body to staged entry. Invariant: an entry is staged only after the body's stream has
//! ended without an error, so with every digest verified, and the store has made the bytes durable.

use auth::{Action, Resource};
use axum::body::Body;
use futures::StreamExt;
use http::Response;
use http::header::ETAG;
use model::{Entry, ObjectPath, Repository, RepositoryName};
use object_http::WriteCondition;

use super::stage_object::{discard, stage_uploaded};
use crate::call::{self, Call};
use crate::checksum_model;
use crate::error_table::Failure;
use crate::key::Key;
use crate::object_headers::{self, Described};
use crate::protocol::body::UPLOAD_BYTES_MAX;
use crate::protocol::{ChecksumKind, ErrorCode, Received, S3Error};

/// `PUT /bucket/key`.
pub(crate) async fn put_object(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    let repository = call::repository_name(bucket)?;
    match Key::parse(key)? {
        Key::Object(reference, path) => {
            call.authorize(Action::WriteObject, &call::object_on_branch(&repository, reference, &path))?;
            put(call, &repository, reference, path).await.map(|entry| answer(&entry))
        }
        Key::Root(reference) => {
            call.authorize(Action::ReadRepository, &Resource::at_ref(&repository, call::through(reference)))?;
            put_root(call, &repository, reference).await
        }
        Key::Bare(_) => Err(needs_path(key).into()),
    }
}

/// Writes the object that the body holds. To be called with the right to.
pub(super) async fn put(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: &str,
    path: ObjectPath,
) -> Result<Entry, Failure> {
    let described = Described::of_write(call.headers())?;
    let condition = call.write_condition()?;
    check_length(call.request.length())?;
    let (repository, branch) = call.branch_to_write(name, reference).await?;
    if let Some(condition) = &condition {
        call.judge_early(name, &branch, &path, condition).await?;
    }
    let entry = upload(call, &repository, described).await?;
    let require = condition.as_ref().map(call::require);
    stage_uploaded(call.graveler, &repository, &branch, path, entry.clone(), require).await?;
    Ok(entry)
}

/// Streams the body to the object store and makes the entry of it.
async fn upload(call: &Call<'_>, repository: &Repository, described: Described) -> Result<Entry, Failure> {
    let (body, receipt) = call.request.open_body(call.body.take())?;
    let uploaded = call.graveler.upload(repository, body, call.request.length()).await?;
    let received = receipt.received().filter(|received| received.size == uploaded.size);
    let Some(Received { checksum, .. }) = received else {
        discard(call.graveler, repository, &uploaded.address).await;
        return Err(graveler::Error::Internal("a body was stored before its end".to_owned()).into());
    };
    Ok(Entry {
        address: uploaded.address,
        last_modified: call.graveler.clock().now(),
        size: uploaded.size,
        e_tag: hex::encode(uploaded.md5),
        content_type: described.content_type,
        metadata: described.metadata,
        headers: described.headers,
        checksum: checksum.as_ref().map(|c| checksum_model::kept(c, ChecksumKind::FullObject)),
        parts: None,
    })
}

/// The answer to a write.
pub(super) fn answer(entry: &Entry) -> Response<Body> {
    let mut answer = call::empty();
    object_http::insert(answer.headers_mut(), ETAG, &object_http::quoted(&entry.e_tag));
    object_headers::checksum(answer.headers_mut(), entry.checksum.as_ref());
    answer
}

/// `PUT main/`: clients make the folders above a file first. A branch is its own folder, so nothing is written.
async fn put_root(call: &Call<'_>, repository: &RepositoryName, reference: &str) -> Result<Response<Body>, Failure> {
    if let Some(WriteCondition::Absent) = call.write_condition()? {
        call.branch_to_write(repository, reference).await?;
        return Err(ErrorCode::PreconditionFailed.into());
    }
    call.branch_to_write(repository, reference).await?;
    let (mut body, _) = call.request.open_body(call.body.take())?;
    while let Some(chunk) = body.next().await {
        if !chunk.map_err(graveler::Error::Body)?.is_empty() {
            return Err(needs_path(&format!("{reference}/")).into());
        }
    }
    Ok(call::empty())
}

/// Refuses a length that no PUT may have.
pub(super) fn check_length(length: Option<u64>) -> Result<(), S3Error> {
    match length {
        Some(bytes) if bytes > UPLOAD_BYTES_MAX => Err(S3Error::from(ErrorCode::EntityTooLarge)
            .with_detail("ProposedSize", bytes.to_string())
            .with_detail("MaxSizeAllowed", UPLOAD_BYTES_MAX.to_string())),
        _ => Ok(()),
    }
}

/// The answer to a write whose key names no object.
pub(super) fn needs_path(key: &str) -> S3Error {
    let why = "The key must name an object on a branch, as in s3://repository/branch/path";
    S3Error::invalid_argument("key", key, why)
}

/// The branch and path that a key names for a write.
pub(super) fn writable(key: &str) -> Result<(&str, ObjectPath), S3Error> {
    match Key::parse(key)? {
        Key::Object(reference, path) => Ok((reference, path)),
        Key::Root(_) | Key::Bare(_) => Err(needs_path(key)),
    }
}
