//! DeleteObject and DeleteObjects. Owns the answer for each key. Invariant: each key of a batch is authorized by
//! itself, and one that fails leaves the others alone.

use std::collections::BTreeMap;

use auth::{Action, Resource};
use axum::body::Body;
use graveler::Change;
use http::{Response, StatusCode};
use model::{ObjectPath, RepositoryName, Require, StagedValue};

use super::stage_object::{judged, stage};
use crate::call::{self, Call};
use crate::error_table::Failure;
use crate::key::Key;
use crate::protocol::xml::write::{self, DeleteFailure};
use crate::protocol::xml::{ObjectToDelete, read};
use crate::protocol::{ErrorCode, S3Error};

/// `DELETE /bucket/key`: 204, whether the object was there or not.
pub(crate) async fn delete_object(call: &Call<'_>, bucket: &str, key: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    let require = call.write_condition()?.as_ref().map(call::require);
    match Key::parse(key)? {
        Key::Object(reference, path) => {
            call.authorize(Action::DeleteObject, &call::object_on_branch(&name, reference, &path))?;
            let (repository, branch) = call.branch_to_write(&name, reference).await?;
            let change = Change { path, value: StagedValue::Tombstone, require };
            stage(call.graveler, &repository, &branch, change).await?;
        }
        // No object is ever there.
        Key::Root(_) | Key::Bare(_) => {
            call.authorize(Action::ReadRepository, &Resource::Repository(name.clone()))?;
            call.graveler.meta().repository(&name).await?;
        }
    }
    let mut answer = call::empty();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

/// One object of a batch that may be deleted.
struct Deletion {
    /// Its place in the client's order.
    place: usize,
    path: ObjectPath,
    require: Option<Require>,
}

/// `POST /bucket?delete`.
pub(crate) async fn delete_objects(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    call.authorize(Action::ReadRepository, &Resource::Repository(name.clone()))?;
    call.graveler.meta().repository(&name).await?;
    let body = call.request.read_body(call.body.take(), read::XML_BYTES_MAX).await?;
    let batch = read::delete_objects(&body)?;
    let mut results: Vec<Result<(), S3Error>> = batch.objects.iter().map(|_| Ok(())).collect();
    let mut branches: BTreeMap<&str, Vec<Deletion>> = BTreeMap::new();
    for (place, object) in batch.objects.iter().enumerate() {
        match admit(call, &name, object) {
            Ok(Some((reference, path))) => {
                let require = object.e_tag.clone().map(|e_tag| Require::Present((e_tag != "*").then_some(e_tag)));
                branches.entry(reference).or_default().push(Deletion { place, path, require });
            }
            Ok(None) => {}
            Err(failure) => results[place] = Err(failure.to_s3()),
        }
    }
    for (reference, deletions) in branches {
        delete_on(call, &name, reference, deletions, &mut results).await;
    }
    Ok(call::xml(report(&batch.objects, results, batch.quiet)))
}

/// Judges one key of a batch; `None` is one where no object is ever there, and so is deleted.
fn admit<'a>(
    call: &Call<'_>,
    repository: &RepositoryName,
    object: &'a ObjectToDelete,
) -> Result<Option<(&'a str, ObjectPath)>, Failure> {
    if object.version_id.as_deref().is_some_and(|version| version != "null") {
        return Err(S3Error::not_implemented("VersionId").into());
    }
    if let Some(condition) = object.unjudged {
        return Err(S3Error::not_implemented(format!("The condition {condition}")).into());
    }
    match Key::parse(&object.key)? {
        Key::Object(reference, path) => {
            call.authorize(Action::DeleteObject, &call::object_on_branch(repository, reference, &path))?;
            Ok(Some((reference, path)))
        }
        Key::Root(_) | Key::Bare(_) => Ok(None),
    }
}

/// Deletes the keys of one branch, and writes each one's result to its place.
async fn delete_on(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &str,
    deletions: Vec<Deletion>,
    results: &mut [Result<(), S3Error>],
) {
    let places: Vec<usize> = deletions.iter().map(|deletion| deletion.place).collect();
    match stage_on(call, repository, reference, deletions).await {
        Ok(judgements) => {
            for (place, judgement) in places.iter().zip(judgements) {
                results[*place] = judgement.map_err(|failure| failure.to_s3());
            }
        }
        Err(failure) => {
            let error = failure.to_s3();
            if error.status().is_server_error() {
                tracing::error!(%failure, %repository, reference, "a batch delete failed");
            }
            places.iter().for_each(|place| results[*place] = Err(error.clone()));
        }
    }
}

async fn stage_on(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &str,
    deletions: Vec<Deletion>,
) -> Result<Vec<Result<(), Failure>>, Failure> {
    let (repository, branch) = call.branch_to_write(repository, reference).await?;
    let change = |d: Deletion| Change { path: d.path, value: StagedValue::Tombstone, require: d.require };
    let changes = deletions.into_iter().map(change).collect();
    let outcomes = call.graveler.stage(&repository.name, &branch, changes).await?;
    Ok(outcomes.into_iter().map(judged).collect())
}

fn report(objects: &[ObjectToDelete], results: Vec<Result<(), S3Error>>, quiet: bool) -> String {
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for (object, result) in objects.iter().zip(results) {
        let key = object.key.clone();
        match result {
            Ok(()) => deleted.push(key),
            // An object that isn't there is deleted, unless a condition asked for it.
            Err(error) if error.code() == ErrorCode::NoSuchKey && object.e_tag.is_none() => deleted.push(key),
            Err(error) => failures.push(DeleteFailure { key, error }),
        }
    }
    write::delete_result(&deleted, &failures, quiet)
}
