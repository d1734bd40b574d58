//! How errors look from outside: one table from each error to a gRPC status code and a word to match.
//! Invariant: the tables are exhaustive, so a new error can't be forgotten.

use graveler::Error as GravelerError;
use model::{MetaError, Refusal};
use proto::api::{REASON_KEY, Reason};
use storage::StorageError;
use tonic::{Code, Status};

use crate::Error;

/// What goes to the client in place of an error that is ours to look into.
const INTERNAL: &str = "internal error: the server's log says more";

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, reason) = describe(&error);
        match code {
            Code::Internal | Code::DataLoss => {
                tracing::error!(error = &error as &dyn std::error::Error, "request failed");
            }
            Code::Unavailable | Code::ResourceExhausted => tracing::warn!(%error, "request failed"),
            _ => {}
        }
        let message = if reason == Reason::Internal { INTERNAL.to_owned() } else { error.to_string() };
        status(code, reason, message)
    }
}

/// Makes a status with its reason.
pub(crate) fn status(code: Code, reason: Reason, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    let word = reason.as_str().parse().expect("because reasons are ASCII");
    status.metadata_mut().insert(REASON_KEY, word);
    status
}

/// Sorts an error.
pub(crate) fn describe(error: &Error) -> (Code, Reason) {
    match error {
        Error::Denied(_) => (Code::PermissionDenied, Reason::AccessDenied),
        Error::Invalid(_) => (Code::InvalidArgument, Reason::InvalidArgument),
        Error::ObjectNotFound { .. } => (Code::NotFound, Reason::ObjectNotFound),
        Error::RangeNotSatisfiable { .. } => (Code::OutOfRange, Reason::RangeNotSatisfiable),
        Error::PreconditionFailed(_) => (Code::FailedPrecondition, Reason::PreconditionFailed),
        Error::SameBranch(_) => (Code::InvalidArgument, Reason::SameBranch),
        Error::Contended(_) => (Code::Aborted, Reason::Contended),
        Error::Graveler(error) => graveler(error),
    }
}

fn graveler(error: &GravelerError) -> (Code, Reason) {
    match error {
        GravelerError::Meta(error) => meta(error),
        GravelerError::Storage(error) => storage(error),
        GravelerError::Body(_) => (Code::InvalidArgument, Reason::BodyFailed),
        GravelerError::RefNotFound(_) | GravelerError::NoSuchAncestor { .. } => (Code::NotFound, Reason::RefNotFound),
        GravelerError::AmbiguousRef { .. } => (Code::InvalidArgument, Reason::RefAmbiguous),
        GravelerError::NotABranch(_) => (Code::InvalidArgument, Reason::NotABranch),
        GravelerError::NoChanges => (Code::FailedPrecondition, Reason::NoChanges),
        GravelerError::Contended(_) => (Code::Aborted, Reason::Contended),
        GravelerError::Overloaded(_) => (Code::ResourceExhausted, Reason::Contended),
        GravelerError::Corrupt { .. } | GravelerError::Unsupported { .. } => (Code::DataLoss, Reason::DataCorrupt),
        GravelerError::NothingInCommon { .. } => (Code::FailedPrecondition, Reason::NothingInCommon),
        GravelerError::ParentNeeded { .. } => (Code::FailedPrecondition, Reason::ParentNeeded),
        GravelerError::Invalid(_) => (Code::InvalidArgument, Reason::InvalidArgument),
        GravelerError::Internal(_) => (Code::Internal, Reason::Internal),
    }
}

fn meta(error: &MetaError) -> (Code, Reason) {
    match error {
        MetaError::Refused(refusal) => refused(refusal),
        MetaError::OutcomeUnknown(_) => (Code::Unknown, Reason::OutcomeUnknown),
        MetaError::Unavailable(_) => (Code::Unavailable, Reason::MetadataUnavailable),
        MetaError::Internal(_) => (Code::Internal, Reason::Internal),
    }
}

fn refused(refusal: &Refusal) -> (Code, Reason) {
    match refusal {
        Refusal::RepositoryNotFound(_) => (Code::NotFound, Reason::RepositoryNotFound),
        Refusal::RepositoryExists(_) => (Code::AlreadyExists, Reason::RepositoryExists),
        Refusal::NamespaceTaken(_) => (Code::AlreadyExists, Reason::NamespaceTaken),
        Refusal::BranchNotFound(_) | Refusal::DeletionNotFound(_) => (Code::NotFound, Reason::BranchNotFound),
        Refusal::RefExists(_) => (Code::AlreadyExists, Reason::RefExists),
        Refusal::DefaultBranch(_) => (Code::FailedPrecondition, Reason::DefaultBranch),
        Refusal::TagNotFound(_) => (Code::NotFound, Reason::TagNotFound),
        Refusal::HeadMoved { .. } | Refusal::TooManySealed(_) => (Code::Aborted, Reason::Contended),
        Refusal::DirtyBranch(_) => (Code::FailedPrecondition, Reason::DirtyBranch),
        Refusal::UploadNotFound(_) => (Code::NotFound, Reason::UploadNotFound),
        Refusal::UserExists(_) => (Code::AlreadyExists, Reason::UserExists),
        Refusal::UserNotFound => (Code::NotFound, Reason::UserNotFound),
        Refusal::CredentialExists(_) => (Code::AlreadyExists, Reason::CredentialExists),
        Refusal::CredentialNotFound(_) => (Code::NotFound, Reason::CredentialNotFound),
    }
}

fn storage(error: &StorageError) -> (Code, Reason) {
    match error {
        StorageError::NotFound { .. } => (Code::DataLoss, Reason::DataMissing),
        StorageError::AlreadyExists { .. } => (Code::AlreadyExists, Reason::NamespaceTaken),
        StorageError::Full { .. } => (Code::ResourceExhausted, Reason::StorageFull),
        StorageError::Unavailable { .. } => (Code::Unavailable, Reason::StorageUnavailable),
        StorageError::Denied { .. } => (Code::Unavailable, Reason::StorageDenied),
        StorageError::Corrupt { .. } => (Code::DataLoss, Reason::DataCorrupt),
        StorageError::Invalid(_) => (Code::InvalidArgument, Reason::InvalidArgument),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_of(status: &Status) -> &str {
        status.metadata().get(REASON_KEY).unwrap().to_str().unwrap()
    }

    #[test]
    fn a_status_has_code_word_and_message() {
        let status = Status::from(Error::from(Refusal::BranchNotFound("fix".parse().unwrap())));
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(reason_of(&status), "BRANCH_NOT_FOUND");
        assert!(status.message().contains("fix"));
    }

    #[test]
    fn bugs_keep_their_details_to_the_log() {
        let status = Status::from(Error::from(GravelerError::Internal("pointer 0xdead".into())));
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(status.message(), INTERNAL);
    }

    #[test]
    fn what_may_have_happened_is_told_apart_from_what_did_not() {
        let unknown = Status::from(Error::from(MetaError::OutcomeUnknown("timeout".into())));
        let unavailable = Status::from(Error::from(MetaError::Unavailable("no leader".into())));
        assert_eq!((unknown.code(), unavailable.code()), (Code::Unknown, Code::Unavailable));
    }
}
