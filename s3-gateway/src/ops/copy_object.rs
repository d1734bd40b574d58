//! CopyObject. Owns the two ways: within a repository an entry with the same address, no bytes moved; across
//! repositories the bytes are streamed. Invariant: the caller may read the source, judged like a GET of it.

use auth::Action;
use axum::body::Body;
use futures::TryStreamExt;
use graveler::Found;
use http::Response;
use model::{Entry, ObjectPath, Repository};
use object_http::Verdict;

use super::put_object::writable;
use super::stage_object::{discard, stage, stage_uploaded};
use crate::call::{self, Call};
use crate::checksum_model::{kept, shown};
use crate::copy_description::CopyDescription;
use crate::error_table::Failure;
use crate::key::Key;
use crate::object_headers::Described;
use crate::protocol::checksum::{self, Hasher};
use crate::protocol::copy_source::CopySource;
use crate::protocol::xml::write;
use crate::protocol::{ChecksumKind, ErrorCode, S3Error};

/// `PUT /bucket/key` with `x-amz-copy-source`.
pub(crate) async fn copy_object(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    source: &CopySource,
) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    let (reference, path) = writable(key)?;
    call.authorize(Action::WriteObject, &call::object_on_branch(&name, reference, &path))?;
    let description = CopyDescription::of(call.headers())?;
    let condition = call.write_condition()?;
    if !description.changes_something() && source.bucket == bucket && source.key == key {
        return Err(onto_itself().into());
    }
    let found = find_source(call, source).await?;
    let (repository, branch) = call.branch_to_write(&name, reference).await?;
    if let Some(condition) = &condition {
        call.judge_early(&name, &branch, &path, condition).await?;
    }
    let described = description.of_source(&found.entry)?;
    let require = condition.as_ref().map(call::require);
    let entry = copy(call, &found, &repository, described).await?;
    let answer = answer(&entry);
    if shares_bytes(&found, &repository) {
        let value = model::StagedValue::Entry(entry);
        stage(call.graveler, &repository, &branch, graveler::Change { path, value, require }).await?;
    } else {
        stage_uploaded(call.graveler, &repository, &branch, path, entry, require).await?;
    }
    Ok(answer)
}

/// Finds the object that a copy reads, as the caller may, and judges the conditions on it.
pub(super) async fn find_source(call: &Call<'_>, source: &CopySource) -> Result<Found, Failure> {
    let name = call::repository_name(&source.bucket)?;
    let (reference, path) = source_object(&source.key)?;
    call.authorize(Action::ReadObject, &call::object(&name, reference, &path))?;
    let found = call.find(&name, reference, &path).await?.ok_or_else(|| no_such_source(&source.key))?;
    let last_modified = found.entry.last_modified.to_datetime();
    match object_http::judge_copy_source(call.headers(), &found.entry.e_tag, last_modified) {
        Verdict::Proceed => Ok(found),
        Verdict::NotModified | Verdict::Failed => Err(ErrorCode::PreconditionFailed.into()),
    }
}

fn source_object(key: &str) -> Result<(&str, ObjectPath), S3Error> {
    match Key::parse(key)? {
        Key::Object(reference, path) => Ok((reference, path)),
        Key::Root(_) | Key::Bare(_) => Err(no_such_source(key)),
    }
}

fn no_such_source(key: &str) -> S3Error {
    S3Error::from(ErrorCode::NoSuchKey).with_detail("Key", key)
}

fn onto_itself() -> S3Error {
    S3Error::invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
         metadata, storage class, website redirect location or encryption attributes.",
    )
}

fn shares_bytes(found: &Found, repository: &Repository) -> bool {
    found.repository.uid == repository.uid
}

/// Makes the new entry; moves bytes only into another repository, or reads them for a checksum not yet known.
async fn copy(call: &Call<'_>, found: &Found, repository: &Repository, described: Described) -> Result<Entry, Failure> {
    let Described { content_type, metadata, headers } = described;
    let last_modified = call.graveler.clock().now();
    let mut entry = Entry { last_modified, content_type, metadata, headers, ..found.entry.clone() };
    entry.checksum = wanted_checksum(call, found).await?;
    if !shares_bytes(found, repository) {
        let body = call.graveler.read(&found.repository, &found.entry, 0..found.entry.size).await?;
        let uploaded = call.graveler.upload(repository, body, Some(found.entry.size)).await?;
        if uploaded.size != found.entry.size {
            discard(call.graveler, repository, &uploaded.address).await;
            let why = format!("{} bytes were read where {} are due", uploaded.size, found.entry.size);
            let file = found.entry.address.as_str().to_owned();
            return Err(graveler::Error::Corrupt { file, why }.into());
        }
        entry.address = uploaded.address;
        entry.e_tag = hex::encode(uploaded.md5);
        entry.parts = None;
    }
    Ok(entry)
}

/// The checksum that the copy keeps: the source's, unless another algorithm is asked for.
async fn wanted_checksum(call: &Call<'_>, found: &Found) -> Result<Option<model::Checksum>, Failure> {
    let Some(wanted) = checksum::wanted_algorithm(call.headers())? else { return Ok(found.entry.checksum.clone()) };
    let has = found.entry.checksum.as_ref().map(shown);
    if has.is_some_and(|(has, kind)| has.algorithm == wanted && kind == ChecksumKind::FullObject) {
        return Ok(found.entry.checksum.clone());
    }
    let mut body = call.graveler.read(&found.repository, &found.entry, 0..found.entry.size).await?;
    let mut hasher = Hasher::new(wanted);
    while let Some(chunk) = body.try_next().await.map_err(graveler::Error::Body)? {
        hasher.update(&chunk);
    }
    Ok(Some(kept(&hasher.finish(), ChecksumKind::FullObject)))
}

fn answer(entry: &Entry) -> Response<Body> {
    let checksum = entry.checksum.as_ref().map(shown);
    let checksum = checksum.as_ref().map(|(checksum, kind)| (checksum, *kind));
    call::xml(write::copy_object(&entry.e_tag, entry.last_modified.to_datetime(), checksum))
}
