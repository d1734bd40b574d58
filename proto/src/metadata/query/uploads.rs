//! Conversions of questions about multipart uploads.

use model::{GetCompletedUpload, GetUpload, ListParts, ListUploads, ObjectPath, UploadId};

use super::*;

impl Wire for GetUpload {
    type Message = pb::GetUpload;

    fn to_message(&self) -> pb::GetUpload {
        let Self { repository, upload } = self;
        pb::GetUpload { repository: repository.to_string(), upload: upload.0 }
    }

    fn from_message(m: pb::GetUpload) -> Result<Self, DecodeError> {
        Ok(Self { repository: name("repository", m.repository)?, upload: UploadId(m.upload) })
    }
}

impl Wire for GetCompletedUpload {
    type Message = pb::GetCompletedUpload;

    fn to_message(&self) -> pb::GetCompletedUpload {
        let Self { repository, upload } = self;
        pb::GetCompletedUpload { repository: repository.to_string(), upload: upload.0 }
    }

    fn from_message(m: pb::GetCompletedUpload) -> Result<Self, DecodeError> {
        Ok(Self { repository: name("repository", m.repository)?, upload: UploadId(m.upload) })
    }
}

impl Wire for ListUploads {
    type Message = pb::ListUploads;

    fn to_message(&self) -> pb::ListUploads {
        let Self { repository, branch, prefix, after, amount } = self;
        pb::ListUploads {
            repository: repository.to_string(),
            branch: branch.to_string(),
            prefix: prefix.clone(),
            after: after.as_ref().map(|(path, upload)| pb::UploadPosition { path: path.to_string(), upload: upload.0 }),
            amount: wire_amount(*amount),
        }
    }

    fn from_message(m: pb::ListUploads) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            prefix: m.prefix,
            after: m.after.map(position).transpose()?,
            amount: amount(m.amount),
        })
    }
}

impl Wire for ListParts {
    type Message = pb::ListParts;

    fn to_message(&self) -> pb::ListParts {
        let Self { repository, upload, after, amount } = self;
        pb::ListParts {
            repository: repository.to_string(),
            upload: upload.0,
            after: *after,
            amount: wire_amount(*amount),
        }
    }

    fn from_message(m: pb::ListParts) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
            after: m.after,
            amount: amount(m.amount),
        })
    }
}

fn position(at: pb::UploadPosition) -> Result<(ObjectPath, UploadId), DecodeError> {
    Ok((name("after.path", at.path)?, UploadId(at.upload)))
}
