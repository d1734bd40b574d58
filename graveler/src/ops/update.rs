//! Says anew what an object of a branch is beside its bytes: its metadata, its tags. Invariant: bytes that others write
//! meanwhile stay theirs, with all that they say of them, and the change is made to their object.

use model::{BranchName, Entry, ObjectPath, RepositoryName, Require, StageOutcome, StagedValue};

use crate::boxed;
use crate::{Change, Error, Graveler};

impl Graveler {
    /// Stages an object again, as `change` makes it of the one that is there; returns it, or `None` if no object is there.
    /// Nothing is staged if nothing changes.
    ///
    /// Looks again when the object isn't the same any more, its metadata included, as often as a conditional write does.
    ///
    /// # Errors
    /// [`Error::Contended`] if others are always faster, and those of [`Self::stage`].
    #[boxed]
    pub async fn update(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &ObjectPath,
        change: &(dyn Fn(Entry) -> Entry + Send + Sync),
    ) -> Result<Option<Entry>, Error> {
        for _ in 0..=self.inner.options.stage_retries_max {
            let Some(found) = self.stat(repository, &branch.into(), path).await? else { return Ok(None) };
            let entry = change(found.entry.clone());
            if entry == found.entry {
                return Ok(Some(entry));
            }
            let require = Some(Require::Same(Box::new(found.entry)));
            let staged = Change { path: path.clone(), value: StagedValue::Entry(entry.clone()), require };
            if self.stage_in(&found.repository, branch, vec![staged]).await? == [StageOutcome::Staged] {
                return Ok(Some(entry));
            }
        }
        Err(Error::Contended(branch.clone()))
    }
}
