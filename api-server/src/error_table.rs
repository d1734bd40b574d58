//! How errors look from outside: one table from each error to a gRPC status code and a word to match, and one from each
//! word to an HTTP status. Invariant: the tables are exhaustive, so a new error can't be forgotten.

use graveler::Error as GravelerError;
use http::StatusCode;
use model::{JobFailure, JobState, MetaError, Refusal};
use proto::api::{REASON_KEY, Reason};
use storage::StorageError;
use tonic::{Code, Status};

use crate::Error;
use crate::error::JobFailed;

/// What goes to the client in place of an error that is ours to look into.
const INTERNAL: &str = "internal error: the server's log says more";

/// How much of an error's text a job's end keeps.
const FAILURE_BYTES_MAX: usize = 16 << 10;

/// An error as clients are told it.
#[derive(Debug)]
pub(crate) struct Told {
    code: Code,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// Sorts an error, and logs it if an operator should look into it: what a client is told is the last that is seen of it.
pub(crate) fn tell(error: &Error) -> Told {
    let (code, reason) = describe(error);
    match code {
        // It was logged where it failed.
        _ if matches!(error, Error::Job(_)) => {}
        Code::Internal | Code::DataLoss => {
            tracing::error!(error = error as &dyn std::error::Error, "request failed");
        }
        Code::Unavailable | Code::ResourceExhausted => tracing::warn!(%error, "request failed"),
        _ => {}
    }
    let message = match (reason, error) {
        (Reason::Internal, Error::Sealed(_)) => error.to_string(),
        (Reason::Internal, _) => INTERNAL.to_owned(),
        _ => error.to_string(),
    };
    Told { code, reason, message }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let Told { code, reason, message } = tell(&error);
        status(code, reason, message)
    }
}

/// The HTTP status of each reason: lakeFS's, where it has one.
pub(crate) fn http_status(reason: Reason) -> StatusCode {
    match reason {
        Reason::InvalidArgument
        | Reason::RefAmbiguous
        | Reason::NotABranch
        | Reason::NoChanges
        | Reason::DirtyBranch
        | Reason::SameBranch
        | Reason::NothingInCommon
        | Reason::BodyFailed => StatusCode::BAD_REQUEST,
        // Over REST, lakeFS doesn't tell who is unknown from who may not.
        Reason::Unauthenticated | Reason::AccessDenied => StatusCode::UNAUTHORIZED,
        Reason::DefaultBranch | Reason::ProtectedBranch | Reason::ReadOnly | Reason::SourceNotAllowed => {
            StatusCode::FORBIDDEN
        }
        Reason::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        Reason::RepositoryNotFound
        | Reason::BranchNotFound
        | Reason::TagNotFound
        | Reason::RefNotFound
        | Reason::ObjectNotFound
        | Reason::UploadNotFound
        | Reason::UserNotFound
        | Reason::JobNotFound
        | Reason::GroupNotFound
        | Reason::PolicyNotFound
        | Reason::CredentialNotFound
        | Reason::SourceNotFound => StatusCode::NOT_FOUND,
        Reason::RepositoryExists
        | Reason::NamespaceTaken
        | Reason::RefExists
        | Reason::ParentNeeded
        | Reason::UserExists
        | Reason::SourceChanged
        | Reason::JobCancelled
        | Reason::RequestReused
        | Reason::GroupExists
        | Reason::PolicyExists
        | Reason::TooMany
        | Reason::CredentialExists => StatusCode::CONFLICT,
        Reason::Busy => StatusCode::TOO_MANY_REQUESTS,
        Reason::DataMissing | Reason::SourceGone => StatusCode::GONE,
        // A hook that fails is 412 in lakeFS's API; so is one that can't run.
        Reason::PreconditionFailed | Reason::SettingsChanged | Reason::HooksDue => StatusCode::PRECONDITION_FAILED,
        Reason::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        Reason::Contended => StatusCode::LOCKED,
        Reason::IssuerUnavailable
        | Reason::MetadataUnavailable
        | Reason::StorageUnavailable
        | Reason::StorageDenied => StatusCode::SERVICE_UNAVAILABLE,
        Reason::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        Reason::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The words by which scripts that were written for lakeFS know a reason, since its API has no other: a message over REST
/// holds them, and ours beside them.
pub(crate) fn lakefs_words(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::Unauthenticated => "error authenticating request",
        Reason::AccessDenied => "insufficient permissions",
        Reason::RepositoryNotFound
        | Reason::BranchNotFound
        | Reason::TagNotFound
        | Reason::RefNotFound
        | Reason::ObjectNotFound
        | Reason::UploadNotFound
        | Reason::UserNotFound
        | Reason::JobNotFound
        | Reason::GroupNotFound
        | Reason::PolicyNotFound
        | Reason::CredentialNotFound
        | Reason::SourceNotFound => "not found",
        Reason::RepositoryExists | Reason::RefExists => "not unique",
        Reason::UserExists | Reason::GroupExists | Reason::PolicyExists | Reason::CredentialExists => "already exists",
        Reason::NamespaceTaken => "storage namespace already in use",
        Reason::NoChanges => "no changes",
        Reason::DirtyBranch => "dirty branch",
        Reason::ProtectedBranch => "cannot write to protected branch",
        Reason::DefaultBranch => "cannot delete repository default branch",
        Reason::ReadOnly => "read-only repository",
        Reason::SameBranch => "same branch",
        Reason::JobCancelled => "Canceled",
        _ => return None,
    })
}

/// An error as a job's end has it.
pub(crate) fn failure(error: &Error) -> JobFailure {
    let Told { code, reason, mut message } = tell(error);
    message.truncate(message.floor_char_boundary(FAILURE_BYTES_MAX));
    JobFailure { code: code as u32, reason: reason.as_str().to_owned(), message }
}

/// What a job's end is to who waited for it.
pub(crate) fn state_to_result(state: JobState) -> Result<Vec<u8>, Error> {
    let failure = match state {
        JobState::Done(answer) => return Ok(answer),
        JobState::Failed(failure) => failure,
        JobState::Cancelled | JobState::Cancelling | JobState::Waiting | JobState::Running => JobFailure {
            code: Code::Cancelled as u32,
            reason: Reason::JobCancelled.as_str().to_owned(),
            message: "the request was cancelled before it was done; nothing was changed".to_owned(),
        },
    };
    Err(Error::Job(JobFailed(failure)))
}

/// The metadata service's refusal, if an error is one.
pub(crate) fn refusal(error: &Error) -> Option<&Refusal> {
    match error {
        Error::Graveler(GravelerError::Meta(MetaError::Refused(refusal))) => Some(refusal),
        _ => None,
    }
}

/// Whether a failure of what several share may be the fault of one of them: not one of the service's reach, of room, or a
/// refusal that any of them would meet.
pub(crate) fn may_be_one_s_fault(error: &Error) -> bool {
    matches!(describe(error).0, Code::Internal | Code::InvalidArgument | Code::DataLoss)
}

/// Whether an object store was silent until the time for an answer was over.
pub(crate) fn is_of_silence(error: &Error) -> bool {
    matches!(error, Error::Graveler(GravelerError::Storage(error)) if error.timed_out())
}

/// A bug.
pub(crate) fn internal(what: &str) -> Error {
    GravelerError::Internal(what.to_owned()).into()
}

/// Makes a status with its reason.
pub(crate) fn status(code: Code, reason: Reason, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    let word = reason.as_str().parse().expect("because reasons are ASCII");
    status.metadata_mut().insert(REASON_KEY, word);
    status
}

/// Sorts an error.
fn describe(error: &Error) -> (Code, Reason) {
    match error {
        Error::Unauthenticated(_) => (Code::Unauthenticated, Reason::Unauthenticated),
        Error::Sealed(_) => (Code::Internal, Reason::Internal),
        Error::IssuerUnavailable(_) => (Code::Unavailable, Reason::IssuerUnavailable),
        Error::TooManyAttempts => (Code::ResourceExhausted, Reason::TooManyAttempts),
        Error::Denied(_) | Error::CannotBegin(_) | Error::ForeignPage => (Code::PermissionDenied, Reason::AccessDenied),
        Error::Invalid(_) => (Code::InvalidArgument, Reason::InvalidArgument),
        Error::ObjectNotFound { .. } => (Code::NotFound, Reason::ObjectNotFound),
        Error::RangeNotSatisfiable { .. } => (Code::OutOfRange, Reason::RangeNotSatisfiable),
        Error::PreconditionFailed(_) => (Code::FailedPrecondition, Reason::PreconditionFailed),
        Error::SameBranch(_) => (Code::InvalidArgument, Reason::SameBranch),
        Error::NothingNew(_) => (Code::FailedPrecondition, Reason::NoChanges),
        Error::HooksDue { .. } => (Code::FailedPrecondition, Reason::HooksDue),
        Error::Contended(_) => (Code::Aborted, Reason::Contended),
        Error::Busy(_) | Error::Overloaded => (Code::ResourceExhausted, Reason::Busy),
        Error::Ending => (Code::Unknown, Reason::OutcomeUnknown),
        Error::Job(JobFailed(failure)) => {
            (Code::from_i32(failure.code.cast_signed()), failure.reason.parse().unwrap_or(Reason::Unknown))
        }
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
        Refusal::BranchNotFound(_) | Refusal::TagIsNoBranch(_) | Refusal::DeletionNotFound(_) => {
            (Code::NotFound, Reason::BranchNotFound)
        }
        Refusal::RefExists(_) => (Code::AlreadyExists, Reason::RefExists),
        Refusal::DefaultBranch(_) => (Code::FailedPrecondition, Reason::DefaultBranch),
        Refusal::ProtectedBranch(_) => (Code::FailedPrecondition, Reason::ProtectedBranch),
        Refusal::ReadOnly(_) => (Code::FailedPrecondition, Reason::ReadOnly),
        Refusal::SettingsChanged(_) => (Code::FailedPrecondition, Reason::SettingsChanged),
        Refusal::SettingsTooLarge(_) => (Code::InvalidArgument, Reason::InvalidArgument),
        Refusal::TagNotFound(_) | Refusal::BranchIsNoTag(_) => (Code::NotFound, Reason::TagNotFound),
        Refusal::HeadMoved { .. } | Refusal::TooManySealed(_) => (Code::Aborted, Reason::Contended),
        Refusal::DirtyBranch(_) => (Code::FailedPrecondition, Reason::DirtyBranch),
        Refusal::UploadNotFound(_) => (Code::NotFound, Reason::UploadNotFound),
        Refusal::UserExists(_) | Refusal::AlreadySetUp => (Code::AlreadyExists, Reason::UserExists),
        Refusal::UserNotFound(_) => (Code::NotFound, Reason::UserNotFound),
        Refusal::CredentialExists(_) => (Code::AlreadyExists, Reason::CredentialExists),
        Refusal::CredentialNotFound(_) => (Code::NotFound, Reason::CredentialNotFound),
        Refusal::JobNotFound(_) => (Code::NotFound, Reason::JobNotFound),
        Refusal::JobTaken(_) => (Code::Aborted, Reason::Contended),
        Refusal::RequestAnswered(_) => (Code::Aborted, Reason::Contended),
        Refusal::RequestReused(_) => (Code::InvalidArgument, Reason::RequestReused),
        Refusal::TooManyJobs => (Code::ResourceExhausted, Reason::Busy),
        Refusal::GroupExists(_) => (Code::AlreadyExists, Reason::GroupExists),
        Refusal::GroupNotFound(_) => (Code::NotFound, Reason::GroupNotFound),
        Refusal::PolicyExists(_) => (Code::AlreadyExists, Reason::PolicyExists),
        Refusal::PolicyNotFound(_) => (Code::NotFound, Reason::PolicyNotFound),
        Refusal::SessionEnded => (Code::Unauthenticated, Reason::Unauthenticated),
        Refusal::TooMany { .. } => (Code::FailedPrecondition, Reason::TooMany),
    }
}

fn storage(error: &StorageError) -> (Code, Reason) {
    match error {
        StorageError::NotFound { .. } => (Code::DataLoss, Reason::DataMissing),
        StorageError::AlreadyExists { .. } => (Code::AlreadyExists, Reason::NamespaceTaken),
        StorageError::Full { .. } => (Code::ResourceExhausted, Reason::StorageFull),
        StorageError::Unavailable { .. } => (Code::Unavailable, Reason::StorageUnavailable),
        StorageError::Denied { .. } => (Code::Unavailable, Reason::StorageDenied),
        StorageError::Misconfigured { .. } => (Code::FailedPrecondition, Reason::StorageDenied),
        StorageError::Corrupt { .. } => (Code::DataLoss, Reason::DataCorrupt),
        StorageError::Elsewhere { .. } => (Code::PermissionDenied, Reason::SourceNotAllowed),
        StorageError::NoSource(_) => (Code::NotFound, Reason::SourceNotFound),
        StorageError::Gone { .. } => (Code::NotFound, Reason::SourceGone),
        StorageError::Changed { .. } => (Code::FailedPrecondition, Reason::SourceChanged),
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
    fn no_reason_is_an_internal_error_for_want_of_a_status() {
        let ours = [Reason::Unknown, Reason::Unreachable, Reason::DataCorrupt, Reason::Internal];
        for reason in Reason::ALL.iter().filter(|reason| !ours.contains(reason)) {
            assert_ne!(http_status(*reason), StatusCode::INTERNAL_SERVER_ERROR, "{reason}");
        }
    }

    /// What scripts that were written for lakeFS look at: the status of each reason over REST, and words in its message.
    #[test]
    fn reasons_are_lakefs_s_over_rest() {
        let table: &[(u16, &str, &[Reason])] = &[
            (401, "error authenticating request", &[Reason::Unauthenticated]),
            (401, "insufficient permissions", &[Reason::AccessDenied]),
            (
                404,
                "not found",
                &[
                    Reason::RepositoryNotFound,
                    Reason::BranchNotFound,
                    Reason::TagNotFound,
                    Reason::RefNotFound,
                    Reason::ObjectNotFound,
                    Reason::UploadNotFound,
                    Reason::UserNotFound,
                    Reason::JobNotFound,
                    Reason::GroupNotFound,
                    Reason::PolicyNotFound,
                    Reason::CredentialNotFound,
                    Reason::SourceNotFound,
                ],
            ),
            (409, "not unique", &[Reason::RepositoryExists, Reason::RefExists]),
            (
                409,
                "already exists",
                &[Reason::UserExists, Reason::GroupExists, Reason::PolicyExists, Reason::CredentialExists],
            ),
            (409, "storage namespace already in use", &[Reason::NamespaceTaken]),
            (409, "Canceled", &[Reason::JobCancelled]),
            (400, "no changes", &[Reason::NoChanges]),
            (400, "dirty branch", &[Reason::DirtyBranch]),
            (400, "same branch", &[Reason::SameBranch]),
            (403, "cannot write to protected branch", &[Reason::ProtectedBranch]),
            (403, "cannot delete repository default branch", &[Reason::DefaultBranch]),
            (403, "read-only repository", &[Reason::ReadOnly]),
        ];
        for (status, words, reasons) in table {
            for reason in *reasons {
                assert_eq!((http_status(*reason).as_u16(), lakefs_words(*reason)), (*status, Some(*words)), "{reason}");
            }
        }
        let listed: Vec<_> = table.iter().flat_map(|(_, _, reasons)| reasons.iter()).collect();
        for reason in Reason::ALL.iter().filter(|reason| !listed.contains(reason)) {
            assert_eq!(lakefs_words(*reason), None, "{reason} isn't in the table");
        }
    }

    #[test]
    fn what_may_have_happened_is_told_apart_from_what_did_not() {
        let unknown = Status::from(Error::from(MetaError::OutcomeUnknown("timeout".into())));
        let unavailable = Status::from(Error::from(MetaError::Unavailable("no leader".into())));
        assert_eq!((unknown.code(), unavailable.code()), (Code::Unknown, Code::Unavailable));
    }
}
