//! Checks of a repository. Invariant: a stream that ends without an error ended with its summary.

use futures::stream::{BoxStream, StreamExt, try_unfold};
use model::{CheckSummary, RepositoryName};
use proto::api::{InvalidField, Reason};
use proto::generated::api as wire;
use tonic::Code;
use wire::check_response::Event;

use crate::{Error, Lakebed};

/// How far data objects are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataCheck {
    /// They aren't looked at.
    Skip,
    /// They are there and have their sizes.
    Size,
    /// The ETags that the object store gives with the sizes are compared too, where these tell of bytes. Where one
    /// differs, the bytes are read and decide.
    #[default]
    ETag,
    /// Their bytes are read too and compared with their ETags, where those are an MD5.
    Bytes,
}

/// Something that isn't as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind, as one word: missing, corrupt, misnamed, mismatch, wrong-size, wrong-bytes, unsupported, unreadable.
    pub kind: String,
    /// The file or data object: a path in the storage namespace, or a whole URL.
    pub file: String,
    /// The object's path in the repository, if the fault concerns one object only.
    pub path: Option<String>,
    /// What refers to the file.
    pub needed_by: String,
    /// What is wrong, for people.
    pub why: String,
}

/// What a check tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckEvent {
    /// Something is wrong.
    Fault(Fault),
    /// How far the check is; now and then.
    Progress(CheckSummary),
    /// What it came to; the last event.
    Summary(CheckSummary),
}

impl Lakebed {
    /// Checks the commits, trees and data objects that a ref reaches, or all refs. Faults are events, not errors; dropping
    /// the stream ends the check.
    pub async fn check(
        &self,
        repository: &RepositoryName,
        reference: Option<&str>,
        data: DataCheck,
    ) -> Result<BoxStream<'static, Result<CheckEvent, Error>>, Error> {
        let data = match data {
            DataCheck::Skip => wire::DataCheck::Skip,
            DataCheck::Size => wire::DataCheck::Size,
            DataCheck::ETag => wire::DataCheck::Etag,
            DataCheck::Bytes => wire::DataCheck::Bytes,
        };
        let request = wire::CheckRequest {
            repository: repository.to_string(),
            r#ref: reference.unwrap_or_default().to_owned(),
            data: data.into(),
        };
        let events = self.fsck().check(request).await?.into_inner();
        let told = try_unfold((events, false), async |(mut events, done)| match events.message().await? {
            Some(message) => {
                let event = message.event.ok_or_else(|| InvalidField::new("event", "missing"))?;
                let done = matches!(event, Event::Summary(_));
                Ok(Some((event.into(), (events, done))))
            }
            None if done => Ok(None),
            None => Err(Error::local(Code::Unavailable, Reason::BodyFailed, "the check was cut off: try again")),
        });
        Ok(told.boxed())
    }
}

impl From<Event> for CheckEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Fault(wire::Fault { kind, file, path, needed_by, why }) => {
                Self::Fault(Fault { kind, file, path, needed_by, why })
            }
            Event::Progress(summary) => Self::Progress(summary.into()),
            Event::Summary(summary) => Self::Summary(summary.into()),
        }
    }
}
