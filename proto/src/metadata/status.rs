//! The one table between [`MetaError`] and gRPC statuses, both ways. Owns the codes, the header that tells the
//! service's own statuses from those that a broken connection makes, and the limit on messages.
//! Invariant: an error that a server sends is the same error at the client.

use std::error::Error as _;

use model::MetaError;
use tonic::{Code, ConnectError, Status};

/// The largest message, either way: a full batch of staged changes or a full page fits.
pub const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// Which error a status stands for. Without it a status is the transport's, not the service's.
pub const ERROR_HEADER: &str = "lakebed-metadata-error";

/// Where the leader is, if the node that was asked isn't it and knows: an endpoint of the client's list.
pub const LEADER_HEADER: &str = "lakebed-metadata-leader";

const UNAVAILABLE: &str = "unavailable";
const OUTCOME_UNKNOWN: &str = "outcome-unknown";
const INTERNAL: &str = "internal";

/// What a server sends. Refusals travel in responses; one that comes here has lost its way but keeps its text.
pub fn to_status(error: &MetaError) -> Status {
    let (code, kind, text) = match error {
        MetaError::Refused(refusal) => (Code::FailedPrecondition, INTERNAL, refusal.to_string()),
        MetaError::OutcomeUnknown(text) => (Code::Aborted, OUTCOME_UNKNOWN, text.clone()),
        MetaError::Unavailable(text) => (Code::Unavailable, UNAVAILABLE, text.clone()),
        MetaError::Internal(text) => (Code::Internal, INTERNAL, text.clone()),
    };
    let mut status = Status::new(code, text);
    let kind = kind.parse().expect("because the kinds are plain ASCII");
    status.metadata_mut().insert(ERROR_HEADER, kind);
    status
}

/// What a client makes of it. What the transport reports is `Unavailable` only when the request can't have been sent.
pub fn from_status(status: &Status) -> MetaError {
    let text = status.message().to_owned();
    match status.metadata().get(ERROR_HEADER).map(|kind| kind.as_bytes()) {
        Some(kind) if kind == UNAVAILABLE.as_bytes() => MetaError::Unavailable(text),
        Some(kind) if kind == OUTCOME_UNKNOWN.as_bytes() => MetaError::OutcomeUnknown(text),
        Some(_) => MetaError::Internal(text),
        None if was_never_sent(status) => MetaError::Unavailable(text),
        None => from_transport(status.code(), text),
    }
}

/// A status that no service made: the connection broke, time ran out, or the other side isn't the service.
fn from_transport(code: Code, text: String) -> MetaError {
    match code {
        Code::Unimplemented | Code::InvalidArgument | Code::OutOfRange | Code::PermissionDenied => {
            MetaError::Internal(text)
        }
        _ => MetaError::OutcomeUnknown(format!("{code}: {text}")),
    }
}

/// Whether no connection came about, so that nothing was sent.
fn was_never_sent(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_errors_come_back_as_they_were() {
        let errors = [
            MetaError::Unavailable("the disk is full".into()),
            MetaError::OutcomeUnknown("the disk is full".into()),
            MetaError::Internal("a bug".into()),
        ];
        for error in errors {
            let back = from_status(&to_status(&error));
            assert_eq!(back.to_string(), error.to_string());
            assert_eq!(back.is_retryable(), error.is_retryable());
        }
    }

    #[test]
    fn a_broken_connection_leaves_the_outcome_unknown() {
        let broken = from_status(&Status::unavailable("connection reset"));
        assert!(matches!(broken, MetaError::OutcomeUnknown(_)), "{broken:?}");
        let unsent = Status::from_error(Box::new(ConnectError("connection refused".into())));
        assert!(matches!(from_status(&unsent), MetaError::Unavailable(_)));
    }
}
