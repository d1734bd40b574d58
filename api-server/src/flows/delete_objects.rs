//! Deletes objects of a branch, each judged by itself.

use auth::{Action, Caller, Denied, Resource, authorize};
use graveler::{Change, Graveler};
use model::{BranchName, ObjectPath, RepositoryName, StagedValue};
use proto::api::InvalidField;

use crate::Error;

/// How many paths one call may delete: S3's bound.
pub const DELETE_MAX: usize = 1000;

/// Deletes the objects at the paths that the caller may delete, and returns those that they may not. A path without an
/// object is no failure.
pub async fn delete_objects(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
    paths: Vec<ObjectPath>,
) -> Result<Vec<(ObjectPath, Denied)>, Error> {
    if paths.len() > DELETE_MAX {
        let why = format!("{} are too many: delete at most {DELETE_MAX} at a time", paths.len());
        return Err(InvalidField::new("paths", why).into());
    }
    let (mut changes, mut denied) = (Vec::new(), Vec::new());
    for path in paths {
        match authorize(caller, Action::DeleteObject, &Resource::object_of(repository, branch, &path)) {
            Ok(()) => changes.push(Change { path, value: StagedValue::Tombstone, require: None }),
            Err(no) => denied.push((path, no)),
        }
    }
    if !changes.is_empty() {
        // Changes without a condition are always staged.
        graveler.stage(repository, branch, changes).await?;
    }
    Ok(denied)
}
