//! Ends an upload and stages its object on the upload's branch, both or neither.

use model::{Condition, Entry, Outcome, RepositoryName, StageOutcome, StagedValue, UploadId};

use super::abort_upload::remove;
use super::stage::stage;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    upload: UploadId,
    entry: &Entry,
    condition: Option<&Condition>,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    let upload = records::upload(tx, &repository, upload)?;
    let branch = records::branch(tx, &repository, &upload.new.branch)?;
    repository.open_to_writes(&branch.name)?;
    let value = StagedValue::Entry(entry.clone());
    let outcome = stage(tx, repository.uid, &branch, &upload.new.path, &value, condition)?;
    if outcome == StageOutcome::Staged {
        remove(tx, repository.uid, &upload)?;
    }
    Ok(Outcome::Staged(vec![outcome]))
}
