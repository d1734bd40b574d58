//! Begins a multipart upload on a branch that is there. Its id is the log index.

use model::{CreateUpload, Outcome, RequestId, Upload, UploadId};

use super::dedup::kind;
use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for CreateUpload {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_UPLOAD, self.request))
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, upload: new, .. } = self;
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
}
