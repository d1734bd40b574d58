//! Replaces an object's user metadata. Invariant: an object that others write meanwhile keeps the
//! bytes that they wrote.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{BranchName, Entry, ObjectPath, RepositoryName, TAGS_NAME};

use super::put_object::check_metadata;
use crate::Error;

/// Stages an object of a branch again, with the same bytes and other metadata.
pub async fn set_metadata(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
    path: &ObjectPath,
    metadata: BTreeMap<String, String>,
) -> Result<(), Error> {
    authorize(caller, Action::WriteObject, &Resource::object_of(repository, branch, path))?;
    check_metadata(&metadata)?;
    let with_metadata =
        |entry: Entry| Entry { metadata: with_tags(&metadata, &entry), last_modified: graveler.clock().now(), ..entry };
    match graveler.update(repository, branch, path, &with_metadata).await? {
        Some(_) => Ok(()),
        None => Err(Error::ObjectNotFound { reference: branch.to_string(), path: path.clone() }),
    }
}

/// The new metadata, and the tags that the object has over S3 unless it names others: who writes metadata needn't know
/// that they are kept among them. Empty ones are none.
fn with_tags(metadata: &BTreeMap<String, String>, entry: &Entry) -> BTreeMap<String, String> {
    let mut metadata = metadata.clone();
    if let Some(kept) = entry.metadata.get(TAGS_NAME) {
        metadata.entry(TAGS_NAME.to_owned()).or_insert_with(|| kept.clone());
    }
    metadata.retain(|name, value| name != TAGS_NAME || !value.is_empty());
    metadata
}
