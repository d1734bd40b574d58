//! Begins a multipart upload on a branch that is there. Its id is the log index.

use model::{NewUpload, Outcome, RepositoryName, Upload, UploadId};

use super::ApplyContext;
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &RepositoryName,
    new: &NewUpload,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    let branch = records::branch(tx, &repository, &new.branch)?;
    super::open_to_writes(tx, &repository, &branch.name)?;
    let upload =
        Upload { id: UploadId(context.index), created_at: context.time, new: new.clone(), branch_uid: branch.uid };
    records::put(tx, Table::Uploads, key::upload(repository.uid, upload.id), &upload);
    let by_path = key::upload_by_path(repository.uid, &new.branch, &new.path, upload.id);
    tx.put(Table::Uploads, by_path, vec![]);
    Ok(Outcome::Upload(upload))
}
