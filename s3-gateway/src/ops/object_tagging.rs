//! GetObjectTagging, PutObjectTagging and DeleteObjectTagging. Leaves the rules of tags to `model`. Invariant: tags change
//! neither an object's bytes nor its ETag and time, and what others write meanwhile stays.

use auth::Action;
use axum::body::Body;
use http::{Response, StatusCode};
use model::{Entry, ObjectTags};

use super::get_object::{find, no_such_key};
use super::put_object::writable;
use crate::call::{self, Call};
use crate::error_table::Failure;
use crate::object_tags;
use crate::protocol::xml::{read, write_properties};

/// `GET /bucket/key?tagging`.
pub(crate) async fn get(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    let repository = call::repository_name(bucket)?;
    let found = find(call, &repository, key).await?.ok_or_else(|| no_such_key(key))?;
    let tags = object_tags::of_entry(&found.entry)?;
    Ok(call::xml(write_properties::tagging(tags.iter())))
}

/// `PUT /bucket/key?tagging`: in place of the tags that it has.
pub(crate) async fn put(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    authorize(call, bucket, key)?;
    let body = call.request.read_body(call.body.take(), read::XML_BYTES_MAX).await?;
    let tags = object_tags::of_document(read::tagging(&body)?)?;
    replace(call, bucket, key, &tags).await?;
    Ok(call::empty())
}

/// `DELETE /bucket/key?tagging`.
pub(crate) async fn delete(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    authorize(call, bucket, key)?;
    replace(call, bucket, key, &ObjectTags::default()).await?;
    let mut answer = call::empty();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

fn authorize(call: &Call<'_>, bucket: &str, key: &str) -> Result<(), Failure> {
    let name = call::repository_name(bucket)?;
    let (reference, path) = writable(key)?;
    call.authorize(Action::WriteObject, &call::object_on_branch(&name, reference, &path))
}

async fn replace(call: &Call<'_>, bucket: &str, key: &str, tags: &ObjectTags) -> Result<(), Failure> {
    let (reference, path) = writable(key)?;
    let (repository, branch) = call.branch_to_write(&call::repository_name(bucket)?, reference).await?;
    let tagged = |mut entry: Entry| {
        tags.keep_in(&mut entry.metadata);
        entry
    };
    let updated = call.graveler.update(&repository.name, &branch, &path, &tagged).await?;
    updated.map(drop).ok_or_else(|| no_such_key(key).into())
}
