//! Deletes objects of a branch, each judged by itself. One that was listed goes only if it is still the object that the
//! listing had: the flow compares, and the replicated command that deletes asks for that very entry.
//! Invariant: what is written after a listing survives a deletion of what was listed.

use auth::{Action, Caller, Resource, authorize};
use futures::stream::{self, StreamExt, TryStreamExt};
use graveler::{Change, Found, Graveler, RefExpr};
use model::{BranchName, Entry, ObjectPath, RepositoryName, Require, StageOutcome, StagedValue, Timestamp};
use proto::api::InvalidField;

use crate::Error;

/// How many paths one call may delete: S3's bound.
pub const DELETE_MAX: usize = 1000;

/// Listed objects that are looked at at a time.
const LOOKUPS_MAX: usize = 16;

/// A path, and what has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Where.
    pub path: ObjectPath,
    /// Which object alone is deleted; any if none.
    pub only: Option<Listed>,
}

/// By what an object is known again that was listed. The time tells apart two writes of the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its entity tag.
    pub e_tag: String,
    /// When it was written.
    pub last_modified: Timestamp,
}

impl From<ObjectPath> for Deletion {
    fn from(path: ObjectPath) -> Self {
        Self { path, only: None }
    }
}

/// Deletes objects, and returns those that stay and why: the caller may not delete them ([`Error::Denied`]), or they were
/// written anew since the listing ([`Error::PreconditionFailed`]). A path without an object is no failure.
pub async fn delete_objects(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
    deletions: Vec<Deletion>,
) -> Result<Vec<(ObjectPath, Error)>, Error> {
    if deletions.len() > DELETE_MAX {
        let why = format!("{} are too many: delete at most {DELETE_MAX} at a time", deletions.len());
        return Err(InvalidField::new("paths", why).into());
    }
    let (mut allowed, mut kept) = (Vec::new(), Vec::new());
    for deletion in deletions {
        match authorize(caller, Action::DeleteObject, &Resource::object_of(repository, branch, &deletion.path)) {
            Ok(()) => allowed.push(deletion),
            Err(no) => kept.push((deletion.path, no.into())),
        }
    }
    // Collected: a stream over a closure that borrows isn't `Send` for any lifetime, and servers need it to be.
    let looks: Vec<_> = allowed.into_iter().map(|deletion| look(graveler, repository, branch, deletion)).collect();
    let looked: Vec<_> = stream::iter(looks).buffered(LOOKUPS_MAX).try_collect().await?;
    let mut changes = Vec::with_capacity(looked.len());
    for (path, due) in looked {
        match due {
            Due::Delete(require) => changes.push(Change { path, value: StagedValue::Tombstone, require }),
            Due::Nothing => {}
            Due::Keep => kept.push(changed(path)),
        }
    }
    if changes.is_empty() {
        return Ok(kept);
    }
    let paths: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
    let outcomes = graveler.stage(repository, branch, changes).await?;
    let refused = paths.into_iter().zip(outcomes).filter(|(_, outcome)| *outcome == StageOutcome::ConditionFailed);
    kept.extend(refused.map(|(path, _)| changed(path)));
    Ok(kept)
}

fn changed(path: ObjectPath) -> (ObjectPath, Error) {
    (path.clone(), Error::PreconditionFailed(path))
}

/// What is to be done about one path.
enum Due {
    Delete(Option<Require>),
    Nothing,
    Keep,
}

/// Finds the entry that a deletion of what was listed is of.
async fn look(
    graveler: &Graveler,
    repository: &RepositoryName,
    branch: &BranchName,
    Deletion { path, only }: Deletion,
) -> Result<(ObjectPath, Due), Error> {
    let Some(listed) = only else { return Ok((path, Due::Delete(None))) };
    let found = graveler.stat(repository, &RefExpr::from(branch), &path).await?;
    let due = match found {
        None => Due::Nothing,
        Some(Found { entry, .. }) if listed.is(&entry) => Due::Delete(Some(Require::Same(Box::new(entry)))),
        Some(_) => Due::Keep,
    };
    Ok((path, due))
}

impl Listed {
    fn is(&self, entry: &Entry) -> bool {
        self.e_tag == entry.e_tag && self.last_modified == entry.last_modified
    }
}
