//! Why a call failed. Owns the reading of a gRPC status; the words come from `proto`.

use std::error::Error as StdError;

use proto::api::{InvalidField, REASON_KEY, Reason};
use tonic::{Code, Status};

/// A failed call. Its text is the server's message, which says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Sorts the failure: who can act, and whether trying again may help.
    pub code: Code,
    /// What happened, to be matched.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

impl Error {
    /// Whether the same call may succeed later although nobody changes anything, and surely did nothing this time.
    pub fn is_retryable(&self) -> bool {
        use Reason::{Contended, IssuerUnavailable, MetadataUnavailable, StorageUnavailable};
        matches!(self.reason, Contended | IssuerUnavailable | MetadataUnavailable | StorageUnavailable)
    }

    /// A failure that this side found, before or after the server had its say.
    pub(crate) fn local(code: Code, reason: Reason, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }

    pub(crate) fn unreachable(endpoint: &str, error: &dyn StdError) -> Self {
        let message = format!("can't reach {endpoint}: {}", innermost(error));
        Self::local(Code::Unavailable, Reason::Unreachable, message)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let word = status.metadata().get(REASON_KEY).and_then(|word| word.to_str().ok());
        let Some(word) = word else { return without_reason(&status) };
        let Ok(reason) = word.parse();
        Self { code: status.code(), reason, message: status.message().to_owned() }
    }
}

/// A failure that isn't the server's own: the connection's, or a proxy's.
fn without_reason(status: &Status) -> Error {
    let message = match status.source() {
        Some(source) => innermost(source),
        None => status.message().to_owned(),
    };
    match status.code() {
        Code::Unavailable => {
            Error::local(Code::Unavailable, Reason::Unreachable, format!("can't reach the server: {message}"))
        }
        Code::Unknown if status.source().is_some() => {
            Error::local(Code::Unknown, Reason::OutcomeUnknown, format!("the connection broke: {message}"))
        }
        code => Error::local(code, Reason::Unknown, message),
    }
}

impl From<InvalidField> for Error {
    /// The server's answer isn't what this client knows; it may be newer.
    fn from(error: InvalidField) -> Self {
        Self::local(Code::Internal, Reason::Internal, format!("the server's answer makes no sense: {error}"))
    }
}

/// The cause at the end of a chain of errors says most.
fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A part of an answer that must be there.
pub(crate) fn required<T>(part: Option<T>, name: &'static str) -> Result<T, Error> {
    part.ok_or_else(|| InvalidField::new(name, "missing").into())
}
