//! What can go wrong in a flow or at an endpoint, by who can act. How it looks from outside stands in `error_table`.
//! Invariant: a merge's conflicts are no error; they are an answer.

use auth::Denied;
use model::{BranchName, JobFailure, MetaError, ObjectPath, Refusal};
use proto::api::InvalidField;
use thiserror::Error;

/// Why an operation wasn't done.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody knows who calls. For the caller.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// A page of another site may have sent it in its visitor's name. For the caller.
    #[error(
        "a change that the login's cookie proves must come from a page of this server, by its Sec-Fetch-Site, Origin or \
         Referer: programs send the token as Authorization: Bearer instead"
    )]
    ForeignPage,
    /// The caller's key was encrypted under another installation's key. For the operator.
    #[error("an access key can't be verified: {0}")]
    Sealed(String),
    /// The identity provider's keys aren't known, so its tokens can't be judged. Try again later.
    #[error("the identity provider can't be asked for its keys, try again in a minute: {0}")]
    IssuerUnavailable(String),
    /// Somebody guesses secrets. Try again later.
    #[error("too many failed attempts: wait a few seconds before the next")]
    TooManyAttempts,
    /// The caller may not do that. For an administrator.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller's session can't begin another. For the caller.
    #[error(transparent)]
    CannotBegin(auth::CannotBegin),
    /// A field breaks its rule. For the caller.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// No such object. For the caller.
    #[error("{path} not found in {reference}")]
    ObjectNotFound {
        /// Where it was looked for.
        reference: String,
        /// What.
        path: ObjectPath,
    },
    /// A range that begins after the object's end. For the caller.
    #[error("the range begins at byte {start}, but {path} has {size} bytes")]
    RangeNotSatisfiable {
        /// Of what.
        path: ObjectPath,
        /// Where the range begins.
        start: u64,
        /// Where the object ends.
        size: u64,
    },
    /// The condition of a write doesn't hold. For the caller.
    #[error("{0} isn't as the condition asks: nothing was written; look at the object and decide anew")]
    PreconditionFailed(ObjectPath),
    /// A merge of a branch into itself. For the caller.
    #[error("{0} can't be merged into itself: name another source")]
    SameBranch(BranchName),
    /// A merge that must bring something and doesn't. For the caller.
    #[error("no changes: {0} has all of the source already; allow an empty merge if that is as good")]
    NothingNew(BranchName),
    /// Hooks that somebody relies on would have to run. For the caller.
    #[error(
        "hooks aren't run by this version, and {path} asks for them: {why}; nothing was changed: delete the file on the \
         branch (and commit that) to go on without hooks"
    )]
    HooksDue {
        /// The action file.
        path: ObjectPath,
        /// What it asks for.
        why: String,
    },
    /// Others changed the branch whenever this flow was about to. Try again.
    #[error("branch {0} changed again and again meanwhile; nothing was published: try again")]
    Contended(BranchName),
    /// As much waits for the branch as may. Try again later.
    #[error("branch {0} is busy: too many commits and merges wait for it; nothing was begun, try again in a while")]
    Busy(BranchName),
    /// As many requests are under way as may. Try again later.
    #[error("the server is busy: too many commits, merges and imports are under way; try again in a while")]
    Overloaded,
    /// The server ends, or what it carried the request out with did. For the caller to look.
    #[error(
        "the server ended in the midst of it, so whether the change was made is unknown: ask again with the same request \
         id if you gave one, or look before you try again"
    )]
    Ending,
    /// A job ended so, perhaps in another server.
    #[error("{0}")]
    Job(JobFailed),
    /// The library below, the object store or the metadata service.
    #[error(transparent)]
    Graveler(#[from] graveler::Error),
}

/// How a job failed, as it is remembered.
#[derive(Debug, Clone, Error)]
#[error("{}", .0.message)]
pub struct JobFailed(pub JobFailure);

impl Error {
    /// The same error for another who waited for the same work.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Graveler(error) => Self::Graveler(error.duplicate()),
            Self::Contended(branch) => Self::Contended(branch.clone()),
            Self::Busy(branch) => Self::Busy(branch.clone()),
            Self::Overloaded => Self::Overloaded,
            Self::Ending => Self::Ending,
            Self::Job(failed) => Self::Job(failed.clone()),
            other => Self::Graveler(graveler::Error::Internal(other.to_string())),
        }
    }
}

impl From<MetaError> for Error {
    fn from(error: MetaError) -> Self {
        Self::Graveler(error.into())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Graveler(refusal.into())
    }
}
