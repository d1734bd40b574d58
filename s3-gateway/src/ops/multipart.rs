//! Multipart uploads up to their end: create, upload part, copy part, abort, list parts. Leaves completing to
//! `multipart_complete`. Invariant: an upload is found only under the repository, branch and key that it was begun for; a later
//! branch of the name can neither add to it nor complete it.

use std::sync::{Arc, Mutex, PoisonError};

use auth::Action;
use axum::body::Body;
use futures::{StreamExt, TryStreamExt};
use http::header::ETAG;
use http::{Response, StatusCode};
use model::{
    AbortUpload, BranchName, Command, CreateUpload, GetUpload, Lookup, MetaError, NewUpload, ObjectPath, Part, PutPart,
    RefTarget, Refusal, Repository, RepositoryName, Upload, UploadId,
};
use object_http::insert;
use storage::{RepositoryStorage, StorageError, StoredPart};

use super::copy_object::find_source;
use super::listing::{refuse_untold, refuse_unwritable};
use super::multipart_whole::declared;
use super::put_object::{check_length, writable};
use super::stage_object::discard;
use crate::call::{self, Call};
use crate::checksum_model::{kept, kept_algorithm, kept_kind, shown, shown_algorithm, shown_kind};
use crate::error_table::Failure;
use crate::object_headers::{Described, storage_class};
use crate::protocol::body::UPLOAD_BYTES_MAX;
use crate::protocol::checksum::{self, Hasher};
use crate::protocol::copy_source::{CopySource, CopySourceRange};
use crate::protocol::operation::ListParts;
use crate::protocol::xml::write;
use crate::protocol::{Checksum, ChecksumKind, ErrorCode, Received, S3Error};

/// `POST /bucket/key?uploads`. Some clients send a completion's condition here too: what must fail fails before a byte is
/// sent.
pub(crate) async fn create(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    let (reference, path) = writable(key)?;
    call.authorize(Action::WriteObject, &call::object_on_branch(&name, reference, &path))?;
    refuse_untold(key, "put it in one piece, or choose another key")?;
    let Described { content_type, metadata, headers } = Described::of_write(call.headers())?;
    let wanted = checksum::wanted_of_upload(call.headers())?;
    let condition = call.write_condition()?;
    let (repository, branch) = call.branch_to_write(&name, reference).await?;
    if let Some(condition) = &condition {
        call.judge_early(&name, &branch, &path, condition).await?;
    }
    let storage = storage(call, &repository)?;
    let address = storage.new_address();
    let store_upload_id = storage.create_multipart(&address).await?;
    let upload = NewUpload {
        branch,
        path,
        address: address.clone(),
        store_upload_id: store_upload_id.clone(),
        content_type,
        metadata,
        headers,
        checksum: wanted.map(|(algorithm, kind)| (kept_algorithm(algorithm), kept_kind(kind))),
    };
    let command = Command::CreateUpload(CreateUpload { request: call::command_id(), repository: name, upload });
    let begun = call.graveler.meta().write(command).await.and_then(|outcome| Ok(outcome.upload()?));
    let begun = begun.map_err(Failure::from);
    if begun.as_ref().is_err_and(Failure::nothing_changed) {
        forget(&storage, &address, &store_upload_id).await;
    }
    let mut answer = call::xml(write::initiate_upload(bucket, key, &begun?.id.to_string()));
    if let Some((algorithm, kind)) = wanted {
        let answer = answer.headers_mut();
        insert(answer, http::HeaderName::from_static("x-amz-checksum-algorithm"), algorithm.as_str());
        insert(answer, http::HeaderName::from_static("x-amz-checksum-type"), kind.as_str());
    }
    Ok(answer)
}

/// `PUT /bucket/key?partNumber&uploadId`.
pub(crate) async fn upload_part(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: u32,
) -> Result<Response<Body>, Failure> {
    let (name, path) = authorized(call, bucket, key)?;
    check_length(call.request.length())?;
    let (repository, upload) = find_open(call, &name, key, &path, upload_id).await?;
    let storage = storage(call, &repository)?;
    let needed = declared(&upload).map(|(algorithm, _)| algorithm);
    let (body, receipt) = call.request.open_body_for(call.body.take(), needed)?;
    let new = &upload.new;
    let length = call.request.length();
    let stored = storage.put_part(&new.address, &new.store_upload_id, number, body, length).await;
    let stored = stored.map_err(|error| part_failure(error.into()))?;
    let received = receipt.received().filter(|received| received.size == stored.size);
    let Some(Received { checksum, .. }) = received else {
        return Err(graveler::Error::Internal("a part was stored before its end".to_owned()).into());
    };
    check_algorithm(&upload, checksum.as_ref())?;
    let part = record(call, &name, &upload, number, stored, checksum.as_ref()).await?;
    let mut answer = call::empty();
    insert(answer.headers_mut(), ETAG, &object_http::quoted(&part.e_tag));
    if let Some(Checksum { algorithm, value }) = checksum {
        insert(answer.headers_mut(), http::HeaderName::from_static(algorithm.header()), value);
    }
    Ok(answer)
}

/// `PUT /bucket/key?partNumber&uploadId` with `x-amz-copy-source`.
pub(crate) async fn upload_part_copy(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: u32,
    source: &CopySource,
    range: Option<CopySourceRange>,
) -> Result<Response<Body>, Failure> {
    let (name, path) = authorized(call, bucket, key)?;
    let found = find_source(call, source).await?;
    let (repository, upload) = find_open(call, &name, key, &path, upload_id).await?;
    let range = range.map_or(Ok(0..found.entry.size), |range| range.of(found.entry.size))?;
    check_length(Some(range.end - range.start))?;
    let (stored, checksum) = copy_range(call, &found, range, &repository, &upload, number).await?;
    let part = record(call, &name, &upload, number, stored, checksum.as_ref()).await?;
    Ok(call::xml(write::copy_part(&part.e_tag, part.last_modified.to_datetime(), checksum.as_ref())))
}

/// Copies bytes into a part; computes their checksum if the upload declared one.
async fn copy_range(
    call: &Call<'_>,
    found: &graveler::Found,
    range: std::ops::Range<u64>,
    repository: &Repository,
    upload: &Upload,
    number: u32,
) -> Result<(StoredPart, Option<Checksum>), Failure> {
    let length = range.end - range.start;
    let body = call.graveler.read(&found.repository, &found.entry, range).await?;
    let hasher = Arc::new(Mutex::new(declared(upload).map(|(algorithm, _)| Hasher::new(algorithm))));
    let seen = Arc::clone(&hasher);
    let body = body.inspect_ok(move |piece| {
        if let Some(hasher) = &mut *seen.lock().unwrap_or_else(PoisonError::into_inner) {
            hasher.update(piece);
        }
    });
    let new = &upload.new;
    let storage = storage(call, repository)?;
    let stored = storage.put_part(&new.address, &new.store_upload_id, number, body.boxed(), Some(length)).await;
    let stored = stored.map_err(|error| part_failure(error.into()))?;
    if stored.size != length {
        let why = format!("{} bytes were read where {length} are due", stored.size);
        return Err(graveler::Error::Corrupt { file: found.entry.address.as_str().to_owned(), why }.into());
    }
    let hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((stored, hasher.map(Hasher::finish)))
}

/// Records a stored part; from then on it can be completed with.
async fn record(
    call: &Call<'_>,
    name: &RepositoryName,
    upload: &Upload,
    number: u32,
    stored: StoredPart,
    checksum: Option<&Checksum>,
) -> Result<Part, Failure> {
    if stored.size > UPLOAD_BYTES_MAX {
        return Err(ErrorCode::EntityTooLarge.into());
    }
    let part = Part {
        number,
        store_part_id: stored.id,
        size: stored.size,
        e_tag: hex::encode(stored.md5),
        checksum: checksum.map(|checksum| kept(checksum, ChecksumKind::FullObject)),
        last_modified: call.graveler.clock().now(),
        is_sole: false,
    };
    let command = Command::PutPart(PutPart { repository: name.clone(), upload: upload.id, part: part.clone() });
    call.graveler.meta().write(command).await?.done()?;
    Ok(part)
}

/// A part must come with the upload's algorithm, if with any, or the whole's checksum couldn't be told.
fn check_algorithm(upload: &Upload, part: Option<&Checksum>) -> Result<(), S3Error> {
    match (upload.new.checksum, part) {
        (Some((wanted, _)), Some(part)) if kept_algorithm(part.algorithm) != wanted => {
            let (wanted, got) = (shown_algorithm(wanted).as_str(), part.algorithm.as_str());
            let why = format!("Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual: {got}");
            Err(S3Error::invalid_request(why))
        }
        _ => Ok(()),
    }
}

/// `DELETE /bucket/key?uploadId`.
pub(crate) async fn abort(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> Result<Response<Body>, Failure> {
    let (name, path) = authorized(call, bucket, key)?;
    let Found { repository, upload, .. } = find(call, &name, key, &path, upload_id).await?;
    end(call, &repository, &upload).await?;
    let mut answer = call::empty();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

/// Ends an upload without an object, and then lets go of its bytes: of its parts, and of the object that a completion may have
/// made of them before it failed or crashed. Nothing can point at that any more.
pub(super) async fn end(call: &Call<'_>, repository: &Repository, upload: &Upload) -> Result<(), Failure> {
    let command = Command::AbortUpload(AbortUpload { repository: repository.name.clone(), upload: upload.id });
    call.graveler.meta().write(command).await?.upload()?;
    let storage = storage(call, repository)?;
    forget(&storage, &upload.new.address, &upload.new.store_upload_id).await;
    discard(call.graveler, repository, &upload.new.address).await;
    Ok(())
}

/// Aborts the store's own upload. A failure leaves garbage, told to the log only.
async fn forget(storage: &RepositoryStorage, address: &model::Address, store_upload_id: &str) {
    if let Err(error) = storage.abort_multipart(address, store_upload_id).await {
        tracing::warn!(%error, "parts of an ended upload stay behind");
    }
}

/// `GET /bucket/key?uploadId`.
pub(crate) async fn list_parts(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
    list: &ListParts,
) -> Result<Response<Body>, Failure> {
    let (name, path) = authorized(call, bucket, key)?;
    refuse_unwritable([&key.to_owned()], list.encoding_url)?;
    let Found { upload, .. } = find(call, &name, key, &path, upload_id).await?;
    let (after, amount) = (list.part_number_marker, list.max_parts as usize);
    let query = model::ListParts { repository: name, upload: upload.id, after, amount };
    let page = match amount {
        0 => model::Page { items: Vec::new(), more: false },
        _ => call.graveler.meta().ask(query).await?,
    };
    Ok(call::xml(write::list_parts(&write::ListPartsAnswer {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        upload_id: upload_id.to_owned(),
        owner: call.owner(),
        storage_class: storage_class(&upload.new.headers),
        part_number_marker: list.part_number_marker,
        next_part_number_marker: page.items.last().map_or(after, |part| part.number),
        max_parts: list.max_parts,
        encoding_url: list.encoding_url,
        is_truncated: page.more,
        checksum: upload.new.checksum.map(|(algorithm, kind)| (shown_algorithm(algorithm), shown_kind(kind))),
        parts: page.items.into_iter().map(part_summary).collect(),
    })))
}

fn part_summary(part: Part) -> write::PartSummary {
    write::PartSummary {
        number: part.number,
        last_modified: part.last_modified.to_datetime(),
        checksum: part.checksum.as_ref().map(|checksum| shown(checksum).0),
        e_tag: part.e_tag,
        size: part.size,
    }
}

/// The repository and path of an upload, once the caller may write there.
pub(super) fn authorized(call: &Call<'_>, bucket: &str, key: &str) -> Result<(RepositoryName, ObjectPath), Failure> {
    let name = call::repository_name(bucket)?;
    let (reference, path) = writable(key)?;
    call.authorize(Action::WriteObject, &call::object_on_branch(&name, reference, &path))?;
    Ok((name, path))
}

/// An upload, and where it belongs.
struct Found {
    repository: Repository,
    upload: Upload,
    /// Whether its branch is still there. A later one of the name is another.
    is_open: bool,
}

/// Finds an upload that was begun for this very key, so that it can be looked at and aborted.
async fn find(
    call: &Call<'_>,
    name: &RepositoryName,
    key: &str,
    path: &ObjectPath,
    upload_id: &str,
) -> Result<Found, Failure> {
    let unknown = || S3Error::from(ErrorCode::NoSuchUpload);
    let (reference, _) = writable(key)?;
    let branch: BranchName = reference.parse().map_err(|_| unknown())?;
    let Lookup { repository, target, .. } = call.graveler.meta().lookup(name, &(&branch).into(), None).await?;
    let id: UploadId = upload_id.parse().map_err(|_| unknown())?;
    let query = GetUpload { repository: name.clone(), upload: id };
    let upload = call.graveler.meta().ask(query).await?;
    if upload.new.branch != branch || upload.new.path != *path {
        return Err(unknown().into());
    }
    let is_open = matches!(target, RefTarget::Branch(branch) if branch.uid == upload.branch_uid);
    Ok(Found { repository, upload, is_open })
}

/// Finds an upload that was begun for this very key, and whose branch is still there.
pub(super) async fn find_open(
    call: &Call<'_>,
    name: &RepositoryName,
    key: &str,
    path: &ObjectPath,
    upload_id: &str,
) -> Result<(Repository, Upload), Failure> {
    let found = find(call, name, key, path, upload_id).await?;
    match found.is_open {
        true => Ok((found.repository, found.upload)),
        false => Err(ErrorCode::NoSuchUpload.into()),
    }
}

/// Where a repository's bytes lie.
pub(super) fn storage(call: &Call<'_>, repository: &Repository) -> Result<RepositoryStorage, Failure> {
    Ok(call.graveler.stores().repository(&repository.namespace)?)
}

/// A store that doesn't know the upload any more has seen it completed or aborted.
pub(super) fn store_lost_upload(failure: Failure) -> Failure {
    match failure {
        Failure::Graveler(graveler::Error::Storage(StorageError::NotFound { .. })) => ErrorCode::NoSuchUpload.into(),
        other => other,
    }
}

/// A store that takes parts only whole says so of one that is too large for that.
fn part_failure(failure: Failure) -> Failure {
    match failure {
        Failure::Graveler(graveler::Error::Storage(StorageError::Invalid(why))) => {
            S3Error::new(ErrorCode::EntityTooLarge, why).into()
        }
        other => store_lost_upload(other),
    }
}

/// Whether an upload turned out to have ended meanwhile.
pub(super) fn has_ended(error: &MetaError) -> bool {
    matches!(error, MetaError::Refused(Refusal::UploadNotFound(_)))
}
