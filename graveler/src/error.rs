//! What can go wrong with a repository's content, by who can act. Owns the error; each boundary (S3, gRPC, REST) has
//! its own table from it. Invariant: a corrupt file is an error that names the file, never a wrong answer.

use std::sync::Arc;

use model::{BranchName, CommitId, MetaError, Refusal};
use storage::{BodyError, PutError, StorageError};
use thiserror::Error;

/// Why Graveler didn't do what it was asked. A conflict isn't one: conflicts are values.
#[derive(Debug, Error)]
pub enum Error {
    /// The metadata service refused, or couldn't be asked.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The producer of an uploaded body failed; this is its own error.
    #[error("the body failed: {0}")]
    Body(BodyError),
    /// No branch, tag or commit is named so. For the caller.
    #[error("{0} not found: no branch, tag or commit has this name")]
    RefNotFound(String),
    /// The history of a ref doesn't reach as far as an expression asks. For the caller.
    #[error("{expr} not found: {why}")]
    NoSuchAncestor {
        /// The whole expression.
        expr: String,
        /// Where it ends.
        why: String,
    },
    /// A commit id's prefix fits several commits. For the caller, who takes more digits.
    #[error("{text} is ambiguous: {}", list(candidates))]
    AmbiguousRef {
        /// What was given.
        text: String,
        /// The commits that it fits (not all, if they are many).
        candidates: Vec<CommitId>,
    },
    /// Only a branch can be written to. For the caller.
    #[error("{0} is not a branch: only branches can be written to")]
    NotABranch(String),
    /// There is nothing to commit. For the caller.
    #[error("no changes to commit")]
    NoChanges,
    /// Others changed the branch each time that this write looked at it. Try again.
    #[error("branch {0} is changing too fast for this conditional write: try again")]
    Contended(BranchName),
    /// Too many writes wait for the branch. Try again later.
    #[error("too many writes wait for branch {0}: slow down and try again")]
    Overloaded(BranchName),
    /// A file in the object store is damaged. For the operator.
    #[error("{file} is corrupt: {why}")]
    Corrupt {
        /// Its path.
        file: String,
        /// How one sees it.
        why: String,
    },
    /// A file in the object store was written by newer or other software. For the operator.
    #[error("{file} can't be read by this version: {what}")]
    Unsupported {
        /// Its path.
        file: String,
        /// What it has.
        what: String,
    },
    /// Two commits have no common ancestor, so nothing can be merged or compared by it. For the caller.
    #[error("{left} and {right} have no history in common")]
    NothingInCommon {
        /// One.
        left: String,
        /// The other.
        right: String,
    },
    /// A merge commit has several changes, one against each parent. For the caller, who names a parent.
    #[error("{commit} is a merge of {parents} parents: say with a parent's number which of them to compare it with")]
    ParentNeeded {
        /// The merge commit.
        commit: CommitId,
        /// How many parents it has.
        parents: usize,
    },
    /// The request makes no sense; says why. For the caller.
    #[error("{0}")]
    Invalid(String),
    /// A bug.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Takes an error that others who waited for the same read may have got too.
    pub(crate) fn from_shared(shared: Arc<Self>) -> Self {
        Arc::try_unwrap(shared).unwrap_or_else(|shared| shared.duplicate())
    }

    /// The same error for another who waited for the same work; a source becomes its text.
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Meta(error) => Self::Meta(error.clone()),
            Self::Storage(error) => Self::Storage(duplicate_storage(error)),
            Self::Corrupt { file, why } => Self::Corrupt { file: file.clone(), why: why.clone() },
            Self::Unsupported { file, what } => Self::Unsupported { file: file.clone(), what: what.clone() },
            Self::NoChanges => Self::NoChanges,
            other => Self::Internal(other.to_string()),
        }
    }
}

fn duplicate_storage(error: &StorageError) -> StorageError {
    let text = |source: &BodyError| source.to_string().into();
    match error {
        StorageError::NotFound { path } => StorageError::NotFound { path: path.clone() },
        StorageError::AlreadyExists { path } => StorageError::AlreadyExists { path: path.clone() },
        StorageError::Full { path, source } => StorageError::Full { path: path.clone(), source: text(source) },
        StorageError::Unavailable { path, source } => {
            StorageError::Unavailable { path: path.clone(), source: text(source) }
        }
        StorageError::Denied { path, source } => StorageError::Denied { path: path.clone(), source: text(source) },
        StorageError::Misconfigured { what, source } => {
            StorageError::Misconfigured { what: what.clone(), source: text(source) }
        }
        StorageError::Corrupt { path, why } => StorageError::Corrupt { path: path.clone(), why: why.clone() },
        StorageError::Elsewhere { url } => StorageError::Elsewhere { url: url.clone() },
        StorageError::NoSource(why) => StorageError::NoSource(why.clone()),
        StorageError::Gone { url } => StorageError::Gone { url: url.clone() },
        StorageError::Changed { url, why } => StorageError::Changed { url: url.clone(), why: why.clone() },
        StorageError::Invalid(why) => StorageError::Invalid(why.clone()),
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Meta(refusal.into())
    }
}

impl From<PutError> for Error {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Body(body) => Self::Body(body),
            PutError::Storage(storage) => Self::Storage(storage),
        }
    }
}

fn list(candidates: &[CommitId]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
