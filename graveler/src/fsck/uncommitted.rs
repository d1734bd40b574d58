//! Checks the data objects of what is uncommitted on a branch. Owns reading it from the metadata service; `objects` looks
//! at the objects. Invariant: no more than a page of values is held.

use model::{BranchName, MetaError, PAGE_MAX, Refusal, Repository, StagedValue};

use super::objects::{NamedBy, ObjectChecks};
use crate::staging::StagedCursor;
use crate::{Error, Graveler};

/// Checks what is uncommitted on a branch, as readers of the branch see it. A branch that was deleted meanwhile has nothing.
pub(super) async fn check(
    graveler: &Graveler,
    repository: &Repository,
    branch: &BranchName,
    checks: &ObjectChecks,
) -> Result<(), Error> {
    if checks.are_skipped() {
        return Ok(());
    }
    let mut cursor = StagedCursor::new(graveler, repository, branch, None, "", "").expecting(PAGE_MAX);
    loop {
        match cursor.load().await {
            Err(Error::Meta(MetaError::Refused(Refusal::BranchNotFound(_)))) => return Ok(()),
            loaded => drop(loaded?),
        }
        let mut objects = Vec::new();
        while let Some((path, value)) = cursor.take() {
            if let StagedValue::Entry(entry) = value {
                objects.push((path, entry));
            }
        }
        checks.check(objects, NamedBy::Branch(branch)).await?;
        if !cursor.needs_page() {
            return Ok(());
        }
    }
}
