//! Answers about multipart uploads.

use model::{CompletedUpload, GetCompletedUpload, GetUpload, ListParts, ListUploads, Page, Part, Upload};

use super::Find;
use crate::state::keyspace::{Keyspace, Table};
use crate::state::page::{page, referred, value};
use crate::state::{Halt, StateError, key, records};

impl Find for GetUpload {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Upload, Halt> {
        records::upload(keys, &records::repository(keys, &self.repository)?, self.upload)
    }
}

impl Find for GetCompletedUpload {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<CompletedUpload, Halt> {
        records::completed_upload(keys, &records::repository(keys, &self.repository)?, self.upload)
    }
}

/// A branch that is gone may still have uploads: they are listed, so that somebody can abort them.
impl Find for ListUploads {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Upload>, Halt> {
        let uid = records::repository(keys, &self.repository)?.uid;
        let range = key::uploads_by_path(uid, &self.branch, &self.prefix, self.after.as_ref());
        let page = page(keys.scan(Table::Uploads, range), self.amount, |(by_path, _)| {
            let id = key::upload_id(&by_path).ok_or_else(|| StateError::Corrupt("an upload without an id".into()))?;
            referred(keys, Table::Uploads, &key::upload(uid, id))
        })?;
        Ok(page)
    }
}

impl Find for ListParts {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Part>, Halt> {
        let repository = records::repository(keys, &self.repository)?;
        let upload = records::upload(keys, &repository, self.upload)?;
        let scan = keys.scan(Table::Uploads, key::parts(repository.uid, upload.id, self.after));
        Ok(page(scan, self.amount, value)?)
    }
}
