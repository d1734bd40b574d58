//! The end of every write: an entry is staged, or the bytes that were uploaded for it go. Owns what the outcomes mean
//! to S3. Invariant: bytes are deleted only when no ref can point at them.

use graveler::{Change, Graveler};
use model::{Address, BranchName, Entry, ObjectPath, Repository, Require, StageOutcome, StagedValue};

use crate::error_table::Failure;
use crate::protocol::{ErrorCode, S3Error};

/// Stages one change.
pub(super) async fn stage(
    graveler: &Graveler,
    repository: &Repository,
    branch: &BranchName,
    change: Change,
) -> Result<(), Failure> {
    let outcomes = graveler.stage_in(repository, branch, vec![change]).await?;
    let outcome = outcomes.first().copied();
    judged(outcome.ok_or_else(|| graveler::Error::Internal("a change had no outcome".to_owned()))?)
}

/// Stages an object whose bytes were just uploaded for it; when that fails for certain, deletes them.
pub(super) async fn stage_uploaded(
    graveler: &Graveler,
    repository: &Repository,
    branch: &BranchName,
    path: ObjectPath,
    entry: Entry,
    require: Option<Require>,
) -> Result<(), Failure> {
    let address = entry.address.clone();
    let change = Change { path, value: StagedValue::Entry(entry), require };
    let staged = stage(graveler, repository, branch, change).await;
    if let Err(failure) = &staged
        && failure.nothing_changed()
    {
        discard(graveler, repository, &address).await;
    }
    staged
}

/// Deletes bytes that no ref points at. A failure leaves garbage and is told to the log only: the caller already has
/// something to say to the client.
pub(super) async fn discard(graveler: &Graveler, repository: &Repository, address: &Address) {
    let deleted = match graveler.stores().repository(&repository.namespace) {
        Ok(storage) => storage.delete_data(address).await,
        Err(error) => Err(error),
    };
    if let Err(error) = deleted {
        tracing::warn!(%error, repository = %repository.name, "unreferenced bytes stay behind");
    }
}

/// What an outcome means to S3.
pub(super) fn judged(outcome: StageOutcome) -> Result<(), Failure> {
    match outcome {
        StageOutcome::Staged => Ok(()),
        StageOutcome::ConditionFailed => Err(ErrorCode::PreconditionFailed.into()),
        StageOutcome::NotFound => {
            let why = "If-Match was asked for and no object is there";
            Err(S3Error::new(ErrorCode::NoSuchKey, why).into())
        }
        StageOutcome::HeadMoved => Err(ErrorCode::ConditionalRequestConflict.into()),
        StageOutcome::Spent => Err(graveler::Error::Internal("no write over S3 is taken once only".to_owned()).into()),
    }
}
