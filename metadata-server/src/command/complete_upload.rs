//! Ends an upload and stages its object on the upload's branch, both or neither. Remembers for a day what it came to, for a
//! client that lost the answer. Invariant: however many uploads are completed, each completion forgets more of what has
//! expired than it adds.

use model::{CompleteUpload, CompletedUpload, Outcome, RepositoryUid, StageOutcome, StagedValue, Timestamp, Upload};

use super::abort_upload::remove;
use super::stage::stage;
use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, expiry, key, records};

/// How many expired ones a completion forgets at most.
const EXPIRED_MAX: usize = 4;

impl Apply for CompleteUpload {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let repository = records::repository(tx, &self.repository)?;
        let upload = records::upload(tx, &repository, self.upload)?;
        let branch = records::branch_of_upload(tx, &repository, &upload)?;
        super::open_to_writes(tx, &repository, &branch.name)?;
        let value = StagedValue::Entry(self.entry.clone());
        let outcome = stage(tx, repository.uid, &branch, &upload.new.path, &value, self.condition.as_ref())?;
        if outcome == StageOutcome::Staged {
            remove(tx, repository.uid, &upload)?;
            forget_expired(tx, context.time)?;
            remember(tx, context.time, repository.uid, upload, self);
        }
        Ok(Outcome::Staged(vec![outcome]))
    }
}

fn remember(
    tx: &mut Transaction<'_>,
    now: Timestamp,
    repository: RepositoryUid,
    upload: Upload,
    completion: &CompleteUpload,
) {
    let completed = CompletedUpload {
        branch: upload.new.branch,
        path: upload.new.path,
        e_tag: completion.entry.e_tag.clone(),
        checksum: completion.entry.checksum.clone(),
        branch_uid: upload.branch_uid,
        request: completion.request,
    };
    let expires = now.plus_millis(expiry::KEPT_MILLIS);
    records::put(tx, Table::Uploads, key::completed_upload(repository, upload.id), &completed);
    tx.put(Table::Dedup, key::completed_expiry(expires, repository, upload.id), vec![]);
}

fn forget_expired(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let due: Vec<_> =
        tx.scan(Table::Dedup, key::expired_completions(now)).take(EXPIRED_MAX).collect::<Result<_, _>>()?;
    for (due, _) in due {
        let completed = key::expired_completion(&due);
        let (repository, upload) = completed.ok_or_else(|| StateError::Corrupt("a completion's expiry".into()))?;
        tx.delete(Table::Uploads, key::completed_upload(repository, upload));
        tx.delete(Table::Dedup, due);
    }
    Ok(())
}
