//! Conversions of the commands about multipart uploads.

use model::{AbortUpload, CompleteUpload, CreateUpload, PutPart};

use super::*;

impl Wire for CreateUpload {
    type Message = pb::CreateUpload;

    fn to_message(&self) -> pb::CreateUpload {
        let Self { request, repository, upload } = self;
        pb::CreateUpload {
            request: request_bytes(*request),
            repository: repository.to_string(),
            upload: Some(upload.to_message()),
        }
    }

    fn from_message(m: pb::CreateUpload) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            upload: needed::<NewUpload>("upload", m.upload)?,
        })
    }
}

impl Wire for PutPart {
    type Message = pb::PutPart;

    fn to_message(&self) -> pb::PutPart {
        let Self { repository, upload, part } = self;
        pb::PutPart { repository: repository.to_string(), upload: upload.0, part: Some(part.to_message()) }
    }

    fn from_message(m: pb::PutPart) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
            part: needed::<Part>("part", m.part)?,
        })
    }
}

impl Wire for CompleteUpload {
    type Message = pb::CompleteUpload;

    fn to_message(&self) -> pb::CompleteUpload {
        let Self { repository, upload, entry, condition, request } = self;
        pb::CompleteUpload {
            repository: repository.to_string(),
            upload: upload.0,
            entry: Some(entry.to_message()),
            condition: condition.as_ref().map(Wire::to_message),
            request: digest_bytes(request.as_ref()),
        }
    }

    fn from_message(m: pb::CompleteUpload) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
            entry: needed::<Entry>("entry", m.entry)?,
            condition: optional(m.condition)?,
            request: digest("request", &m.request)?,
        })
    }
}

impl Wire for AbortUpload {
    type Message = pb::AbortUpload;

    fn to_message(&self) -> pb::AbortUpload {
        let Self { repository, upload } = self;
        pb::AbortUpload { repository: repository.to_string(), upload: upload.0 }
    }

    fn from_message(m: pb::AbortUpload) -> Result<Self, DecodeError> {
        Ok(Self { repository: name("repository", m.repository)?, upload: UploadId(m.upload) })
    }
}
