//! The one table from what can go wrong under the gateway to S3's codes. Owns who is told what; leaves the codes' statuses to
//! `protocol`. Invariant: a caller never learns more of the server's insides than which file or service to look at.

use graveler::Error;
use model::{MetaError, Refusal};
use storage::{PutError, StorageError};

use crate::key;
use crate::protocol::body::BoxError;
use crate::protocol::{BodyError, ErrorCode, S3Error};
use crate::request_body::SlowClient;

/// Why an operation wasn't carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Already in S3's terms.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// From the layers under the gateway.
    #[error(transparent)]
    Graveler(#[from] Error),
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::S3(code.into())
    }
}

impl From<MetaError> for Failure {
    fn from(error: MetaError) -> Self {
        Self::Graveler(error.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Graveler(refusal.into())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Graveler(error.into())
    }
}

impl From<PutError> for Failure {
    fn from(error: PutError) -> Self {
        Self::Graveler(error.into())
    }
}

impl From<object_http::Unsatisfiable> for Failure {
    fn from(range: object_http::Unsatisfiable) -> Self {
        let content_range = range.content_range();
        S3Error::from(ErrorCode::InvalidRange)
            .with_detail("ActualObjectSize", range.size.to_string())
            .with_header(http::header::CONTENT_RANGE, &content_range)
            .with_detail("RangeRequested", range.asked)
            .into()
    }
}

impl From<auth::Denied> for Failure {
    fn from(denied: auth::Denied) -> Self {
        Self::S3(S3Error::new(ErrorCode::AccessDenied, denied.to_string()))
    }
}

impl Failure {
    /// What the client is told.
    pub(crate) fn to_s3(&self) -> S3Error {
        match self {
            Self::S3(error) => error.clone(),
            Self::Graveler(error) => of_graveler(error),
        }
    }

    /// Whether it is certain that no ref changed, so that bytes uploaded for the change can go.
    pub(crate) fn nothing_changed(&self) -> bool {
        !matches!(self, Self::Graveler(Error::Meta(MetaError::OutcomeUnknown(_) | MetaError::Internal(_))))
    }

    /// Whether the ref, or what it stands on, isn't there: reads and listings find nothing then.
    pub(crate) fn is_unknown_ref(&self) -> bool {
        matches!(
            self,
            Self::Graveler(
                Error::RefNotFound(_)
                    | Error::NoSuchAncestor { .. }
                    | Error::AmbiguousRef { .. }
                    | Error::Meta(MetaError::Refused(
                        Refusal::BranchNotFound(_)
                            | Refusal::TagIsNoBranch(_)
                            | Refusal::TagNotFound(_)
                            | Refusal::BranchIsNoTag(_)
                    ))
            )
        )
    }

    /// Whether the multipart upload isn't there, or has ended.
    pub(crate) fn is_unknown_upload(&self) -> bool {
        self.to_s3().code() == ErrorCode::NoSuchUpload
    }
}

fn of_graveler(error: &Error) -> S3Error {
    let code = match error {
        Error::Meta(error) => return of_meta(error),
        Error::Storage(error) => return of_storage(error),
        Error::Body(error) => return of_body(error),
        Error::RefNotFound(_) | Error::NoSuchAncestor { .. } | Error::AmbiguousRef { .. } => ErrorCode::NoSuchKey,
        Error::NotABranch(reference) => return key::not_a_branch(reference),
        Error::Contended(_) => ErrorCode::ConditionalRequestConflict,
        Error::Overloaded(_) => ErrorCode::SlowDown,
        Error::Invalid(_) | Error::NoChanges | Error::NothingInCommon { .. } | Error::ParentNeeded { .. } => {
            ErrorCode::InvalidRequest
        }
        Error::Corrupt { .. } | Error::Unsupported { .. } | Error::Internal(_) => ErrorCode::InternalError,
    };
    S3Error::new(code, error.to_string())
}

fn of_meta(error: &MetaError) -> S3Error {
    let code = match error {
        MetaError::Refused(refusal) => return of_refusal(refusal),
        MetaError::Unavailable(_) => ErrorCode::ServiceUnavailable,
        MetaError::OutcomeUnknown(_) | MetaError::Internal(_) => ErrorCode::InternalError,
    };
    S3Error::new(code, error.to_string())
}

fn of_refusal(refusal: &Refusal) -> S3Error {
    let code = match refusal {
        Refusal::RepositoryNotFound(_) => ErrorCode::NoSuchBucket,
        Refusal::RepositoryExists(_) => ErrorCode::BucketAlreadyOwnedByYou,
        Refusal::NamespaceTaken(_) => ErrorCode::BucketAlreadyExists,
        Refusal::BranchNotFound(branch) | Refusal::TagIsNoBranch(branch) => {
            return key::no_such_branch(branch.as_str());
        }
        Refusal::TagNotFound(_) | Refusal::BranchIsNoTag(_) => ErrorCode::NoSuchKey,
        Refusal::UploadNotFound(_) => ErrorCode::NoSuchUpload,
        Refusal::TooManySealed(_) => ErrorCode::SlowDown,
        Refusal::HeadMoved { .. } | Refusal::DirtyBranch(_) => ErrorCode::OperationAborted,
        Refusal::ProtectedBranch(_) | Refusal::ReadOnly(_) => ErrorCode::AccessDenied,
        Refusal::DefaultBranch(_)
        | Refusal::SettingsChanged(_)
        | Refusal::SettingsTooLarge(_)
        | Refusal::DeletionNotFound(_)
        | Refusal::RefExists(_)
        | Refusal::UserExists(_)
        | Refusal::UserNotFound(_)
        | Refusal::CredentialExists(_)
        | Refusal::CredentialNotFound(_)
        | Refusal::JobNotFound(_)
        | Refusal::JobTaken(_)
        | Refusal::RequestAnswered(_)
        | Refusal::RequestReused(_)
        | Refusal::TooManyJobs
        | Refusal::GroupExists(_)
        | Refusal::GroupNotFound(_)
        | Refusal::PolicyExists(_)
        | Refusal::PolicyNotFound(_)
        | Refusal::SessionEnded
        | Refusal::AlreadySetUp
        | Refusal::TooMany { .. } => ErrorCode::InvalidRequest,
    };
    S3Error::new(code, refusal.to_string())
}

/// An object that a ref has and the store lacks is the server's failure, not the client's: never NoSuchKey. One that was
/// imported is whose source it is to answer for.
fn of_storage(error: &StorageError) -> S3Error {
    let code = match error {
        StorageError::Full { .. } => ErrorCode::InsufficientStorage,
        StorageError::Unavailable { .. } => ErrorCode::ServiceUnavailable,
        StorageError::Elsewhere { .. } => ErrorCode::AccessDenied,
        StorageError::Gone { .. } => ErrorCode::ObjectGone,
        StorageError::Changed { .. } => ErrorCode::ObjectChanged,
        StorageError::NotFound { .. }
        | StorageError::AlreadyExists { .. }
        | StorageError::Denied { .. }
        | StorageError::Misconfigured { .. }
        | StorageError::Corrupt { .. }
        | StorageError::NoSource(_)
        | StorageError::Invalid(_) => ErrorCode::InternalError,
    };
    S3Error::new(code, error.to_string())
}

/// A body fails by its client, or by the store that a copy reads from.
fn of_body(error: &BoxError) -> S3Error {
    if let Some(error) = error.downcast_ref::<StorageError>() {
        return of_storage(error);
    }
    if let Some(error) = error.downcast_ref::<Error>() {
        return of_graveler(error);
    }
    match error.downcast_ref::<BodyError>() {
        Some(BodyError::Broken(source)) if source.is::<SlowClient>() => {
            S3Error::new(ErrorCode::RequestTimeout, source.to_string())
        }
        Some(error) => error.to_s3(),
        None => ErrorCode::IncompleteBody.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(failure: impl Into<Failure>) -> &'static str {
        failure.into().to_s3().code().as_str()
    }

    #[test]
    fn each_failure_has_its_code() {
        assert_eq!(code(Refusal::RepositoryNotFound("trips".parse().unwrap())), "NoSuchBucket");
        assert_eq!(code(Refusal::BranchNotFound("nope".parse().unwrap())), "NoSuchBucket");
        assert_eq!(code(Error::RefNotFound("nope".into())), "NoSuchKey");
        assert_eq!(code(Error::NotABranch("v1".into())), "MethodNotAllowed");
        assert_eq!(code(MetaError::Unavailable("no leader".into())), "ServiceUnavailable");
        assert_eq!(code(Error::Contended("main".parse().unwrap())), "ConditionalRequestConflict");
        assert_eq!(code(StorageError::NotFound { path: "data/x".into() }), "InternalError");
        let url = || "s3://raw/x".to_owned();
        assert_eq!(code(StorageError::Gone { url: url() }), "ObjectGone");
        assert_eq!(code(StorageError::Changed { url: url(), why: "x".into() }), "ObjectChanged");
        assert_eq!(code(StorageError::Elsewhere { url: url() }), "AccessDenied");
        let full = StorageError::Full { path: "data/x".into(), source: "quota".into() };
        assert_eq!(code(full), "InsufficientStorage");
    }

    #[test]
    fn a_body_s_own_error_comes_through() {
        let boxed = |error: BodyError| Error::Body(Box::new(error));
        assert_eq!(code(boxed(BodyError::Refused(ErrorCode::BadDigest.into()))), "BadDigest");
        assert_eq!(code(boxed(BodyError::Broken("reset".into()))), "IncompleteBody");
        assert_eq!(code(Error::Body("reset".into())), "IncompleteBody");
        let copied = StorageError::Unavailable { path: "data/x".into(), source: "503".into() };
        assert_eq!(code(Error::Body(Box::new(copied))), "ServiceUnavailable");
    }

    #[test]
    fn bytes_go_only_when_nothing_can_point_at_them() {
        let unknown = Failure::from(MetaError::OutcomeUnknown("timeout".into()));
        assert!(!unknown.nothing_changed());
        assert!(Failure::from(ErrorCode::PreconditionFailed).nothing_changed());
    }
}
