//! Records an uploaded part of an upload whose branch is still there; one of the same number is replaced.

use model::{Outcome, Part, RepositoryName, UploadId};

use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    upload: UploadId,
    part: &Part,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    let upload = records::upload(tx, &repository, upload)?;
    records::branch_of_upload(tx, &repository, &upload)?;
    records::put(tx, Table::Uploads, key::part(repository.uid, upload.id, part.number), part);
    Ok(Outcome::Done)
}
