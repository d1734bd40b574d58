//! Ends an upload without an object. Owns how an upload and its parts go away.

use model::{AbortUpload, Outcome, RepositoryUid, Upload};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, StateError, key, records};

impl Apply for AbortUpload {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, upload } = self;
        let upload = *upload;
        let repository = records::repository(tx, repository)?;
        let upload = records::upload(tx, &repository, upload)?;
        remove(tx, repository.uid, &upload)?;
        Ok(Outcome::Upload(upload))
    }
}

/// Removes an upload with its parts.
pub(super) fn remove(tx: &mut Transaction<'_>, repository: RepositoryUid, upload: &Upload) -> Result<(), StateError> {
    tx.delete(Table::Uploads, key::upload(repository, upload.id));
    tx.delete(Table::Uploads, key::upload_by_path(repository, &upload.new.branch, &upload.new.path, upload.id));
    records::erase(tx, Table::Uploads, key::all_parts(repository, upload.id))?;
    Ok(())
}
