//! Replaces an object's user metadata. Invariant: an object that others write meanwhile keeps what they wrote.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{Change, Graveler, RefExpr};
use model::{BranchName, Entry, ObjectPath, RepositoryName, Require, StageOutcome, StagedValue};

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
    let found = graveler.stat(repository, &RefExpr::from(branch), path).await?;
    let found = found.ok_or_else(|| Error::ObjectNotFound { reference: branch.to_string(), path: path.clone() })?;
    let require = Some(Require::Present(Some(found.entry.e_tag.clone())));
    let entry = Entry { metadata, last_modified: graveler.clock().now(), ..found.entry };
    let change = Change { path: path.clone(), value: StagedValue::Entry(entry), require };
    match graveler.stage_in(&found.repository, branch, vec![change]).await?.as_slice() {
        [StageOutcome::Staged] => Ok(()),
        _ => Err(Error::PreconditionFailed(path.clone())),
    }
}
