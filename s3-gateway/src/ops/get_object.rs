//! GetObject and HeadObject. Owns the walk from key to answered bytes; leaves judging conditions and ranges to
//! `protocol`. Invariant: what HEAD says is what GET says, without the bytes.

use std::ops::Range;

use auth::{Action, Resource};
use axum::body::Body;
use futures::TryStreamExt;
use graveler::{Content, Found};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use model::{Address, Entry, PartSizes, RepositoryName};
use object_http::Verdict;

use crate::call::{self, Call};
use crate::encryption;
use crate::error_table::Failure;
use crate::key::Key;
use crate::object_headers;
use crate::protocol::operation::ReadOptions;
use crate::protocol::{ErrorCode, S3Error, checksum};

/// The ETag of no bytes, which is what a ref's folder marker has: MD5 of nothing.
const EMPTY_E_TAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// What is to be answered of an object.
struct Chosen {
    found: Found,
    /// The bytes; the whole object unless `partial`.
    range: Range<u64>,
    partial: bool,
    /// How many parts the object has, if one of them was asked for.
    parts: Option<u32>,
}

/// `GET /bucket/key`.
pub(crate) async fn get_object(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    read: &ReadOptions,
) -> Result<Response<Body>, Failure> {
    let chosen = match choose(call, bucket, key, read).await? {
        Ok(chosen) => chosen,
        Err(not_modified) => return Ok(not_modified),
    };
    let body = open(call, &chosen).await?;
    Ok(answer(call, &chosen, read, body))
}

/// `HEAD /bucket/key`.
pub(crate) async fn head_object(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    read: &ReadOptions,
) -> Result<Response<Body>, Failure> {
    match choose(call, bucket, key, read).await? {
        Ok(chosen) => {
            call.graveler.check_imported(&chosen.found.repository, &chosen.found.entry).await?;
            Ok(answer(call, &chosen, read, Body::empty()))
        }
        Err(not_modified) => Ok(not_modified),
    }
}

/// Finds the object, and judges the request's conditions and range. The error inside is the answer 304.
async fn choose(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    read: &ReadOptions,
) -> Result<Result<Chosen, Response<Body>>, Failure> {
    if read.part_number.is_some() && call.headers().contains_key(header::RANGE) {
        let why = "Cannot specify both Range header and partNumber query parameter";
        return Err(S3Error::invalid_request(why).into());
    }
    let repository = call::repository_name(bucket)?;
    let found = find(call, &repository, key).await?.ok_or_else(|| no_such_key(key))?;
    let (size, e_tag) = (found.entry.size, found.entry.e_tag.as_str());
    let last_modified = found.entry.last_modified.to_datetime();
    match object_http::judge_read(call.headers(), e_tag, last_modified) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(Err(not_modified(&found.entry))),
        Verdict::Failed => return Err(ErrorCode::PreconditionFailed.into()),
    }
    let range = match read.part_number {
        None => object_http::requested(call.headers(), size, e_tag, last_modified)?,
        Some(number) => Some(part(number, &found.entry)?),
    };
    let parts = found.entry.parts.as_ref().filter(|_| read.part_number.is_some()).map(PartSizes::count);
    // `Content-Range` can't say of a range that it is empty, as an object's last part may be.
    let partial = range.as_ref().is_some_and(|range| !range.is_empty());
    Ok(Ok(Chosen { found, range: range.unwrap_or(0..size), partial, parts }))
}

/// Finds what a key names: an object, or a ref's folder marker.
pub(super) async fn find(call: &Call<'_>, repository: &RepositoryName, key: &str) -> Result<Option<Found>, Failure> {
    match Key::parse(key)? {
        Key::Object(reference, path) => {
            call.authorize(Action::ReadObject, &call::object(repository, reference, &path))?;
            call.find(repository, reference, &path).await
        }
        Key::Root(reference) => {
            call.authorize(Action::ReadRepository, &Resource::at_ref(repository, call::through(reference)))?;
            find_root(call, repository, reference).await
        }
        Key::Bare(_) => {
            call.authorize(Action::ReadRepository, &Resource::Repository(repository.clone()))?;
            call.graveler.meta().repository(repository).await?;
            Ok(None)
        }
    }
}

/// `main/` is an empty object, as clients make them for folders, while the ref is there.
async fn find_root(call: &Call<'_>, repository: &RepositoryName, reference: &str) -> Result<Option<Found>, Failure> {
    let Some(expr) = call.expression(repository, reference).await? else { return Ok(None) };
    let resolved = match call.graveler.resolve(repository, &expr).await.map_err(Failure::from) {
        Err(failure) if failure.is_unknown_ref() => return Ok(None),
        resolved => resolved?,
    };
    let entry = Entry {
        address: Address::Relative(String::new()),
        last_modified: resolved.repository.created_at,
        size: 0,
        e_tag: EMPTY_E_TAG.to_owned(),
        content_type: "application/x-directory".to_owned(),
        metadata: std::collections::BTreeMap::new(),
        headers: std::collections::BTreeMap::new(),
        checksum: None,
        parts: None,
    };
    Ok(Some(Found { repository: resolved.repository, entry }))
}

/// The bytes of a part. An object that wasn't uploaded in parts, or of which they aren't known, is its part 1.
fn part(number: u32, entry: &Entry) -> Result<Range<u64>, S3Error> {
    let range = match &entry.parts {
        Some(parts) => parts.range(number),
        None => (number == 1).then_some(0..entry.size),
    };
    range.filter(|range| range.end <= entry.size).ok_or_else(|| {
        S3Error::from(ErrorCode::InvalidPartNumber)
            .with_detail("PartNumberRequested", number.to_string())
            .with_detail("ActualPartCount", entry.parts.as_ref().map_or(1, PartSizes::count).to_string())
    })
}

/// Opens the bytes.
async fn open(call: &Call<'_>, chosen: &Chosen) -> Result<Body, Failure> {
    let Found { repository, entry } = &chosen.found;
    match call.graveler.content(repository, entry, chosen.range.clone()).await? {
        Content::Whole(bytes) => Ok(Body::from(bytes)),
        Content::Stream(stream) => {
            let address = entry.address.as_str().to_owned();
            let logged = stream.inspect_err(move |error| tracing::error!(%error, address, "an answer was cut off"));
            Ok(Body::from_stream(logged))
        }
    }
}

fn answer(call: &Call<'_>, chosen: &Chosen, read: &ReadOptions, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    let entry = &chosen.found.entry;
    if chosen.partial {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = answer.headers_mut();
    object_headers::describe(headers, entry);
    encryption::describe_read(headers, entry, call.graveler.stores());
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(chosen.range.end - chosen.range.start));
    if chosen.partial {
        object_http::insert(headers, header::CONTENT_RANGE, &object_http::content_range(&chosen.range, entry.size));
    } else if checksum::is_wanted(call.headers()) {
        object_headers::checksum(headers, entry.checksum.as_ref());
    }
    if let Some(parts) = chosen.parts {
        headers.insert("x-amz-mp-parts-count", HeaderValue::from(parts));
    }
    override_headers(headers, read);
    answer
}

fn override_headers(headers: &mut HeaderMap, read: &ReadOptions) {
    for (name, value) in &read.overrides {
        headers.insert(name.clone(), value.clone());
    }
}

fn not_modified(entry: &Entry) -> Response<Body> {
    let mut answer = call::empty();
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    object_headers::validators(answer.headers_mut(), entry);
    answer
}

pub(super) fn no_such_key(key: &str) -> S3Error {
    S3Error::from(ErrorCode::NoSuchKey).with_detail("Key", key)
}
