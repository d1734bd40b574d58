//! What can go wrong with an object store, by who can act. Owns the table from `object_store`'s errors to ours.
//! Invariant: a message names the object and what to do, and never holds a credential.

use std::error::Error;
use std::io;

use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};
use thiserror::Error;

use crate::explain;

/// What a producer of bytes failed with, or what a reader of a [`crate::BodyStream`] gets when the store fails half-way
/// (then it is a boxed [`StorageError`]).
pub type BodyError = Box<dyn Error + Send + Sync>;

/// Why an object store didn't do what it was asked.
#[derive(Debug, Error)]
pub enum StorageError {
    /// No object is there.
    #[error("{path} isn't in the object store")]
    NotFound {
        /// Which.
        path: String,
    },
    /// An object that must be new is there already.
    #[error("{path} exists in the object store already")]
    AlreadyExists {
        /// Which.
        path: String,
    },
    /// The store has no room left. The operator makes room; then the same request works.
    #[error("no room left to write {path}: free some space or raise the quota of the object store")]
    Full {
        /// What was to be written.
        path: String,
        /// What the store said.
        source: BodyError,
    },
    /// The store failed or didn't answer. Trying again later may help.
    #[error("{}", explain::Unavailable(path, source))]
    Unavailable {
        /// On what.
        path: String,
        /// What it said.
        source: BodyError,
    },
    /// The store refused Lakebed's credentials, or the file system its user.
    #[error("{}", explain::Denied(path, source))]
    Denied {
        /// To what.
        path: String,
        /// What it said.
        source: BodyError,
    },
    /// What leads to the store is wrong: its bucket isn't there, or is in another region. Who named it can correct that.
    #[error("{what}: {source}")]
    Misconfigured {
        /// What is wrong, and what to do.
        what: String,
        /// What the store said.
        source: BodyError,
    },
    /// What is stored can't be what was written.
    #[error("{path} is corrupt: {why}")]
    Corrupt {
        /// What.
        path: String,
        /// How one sees it.
        why: String,
    },
    /// An address that is no repository's and that the operator doesn't allow to be read.
    #[error(
        "{url} lies in no repository of this server, and it isn't among the sources that the server may read: an operator \
         adds its bucket, prefix or folder to the setting import_allow (--import-allow, LAKEBED_IMPORT_ALLOW)"
    )]
    Elsewhere {
        /// What.
        url: String,
    },
    /// What was to be imported isn't there; says what to name.
    #[error("{0}")]
    NoSource(String),
    /// An imported object is no longer where it was. Who changed the source can put it back; or import anew.
    #[error("the imported object {url} is gone: it was deleted or moved in its source; import anew what is there now")]
    Gone {
        /// Where it was.
        url: String,
    },
    /// An imported object is another than it was.
    #[error("the imported object {url} isn't what was imported: {why}; import it anew to have what is there now")]
    Changed {
        /// Where.
        url: String,
        /// How one sees it.
        why: String,
    },
    /// The request or the configuration makes no sense; says why.
    #[error("{0}")]
    Invalid(String),
}

impl StorageError {
    /// Whether the same request may succeed later without anybody changing it.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Unavailable { .. } => true,
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Denied { .. }
            | Self::Misconfigured { .. }
            | Self::Corrupt { .. }
            | Self::Elsewhere { .. }
            | Self::NoSource(_)
            | Self::Gone { .. }
            | Self::Changed { .. }
            | Self::Invalid(_) => false,
        }
    }

    /// Whether the store, or what lies before it, was silent until the time for an answer was over. Another request would
    /// meet the same silence, and take as long.
    pub fn timed_out(&self) -> bool {
        let Self::Unavailable { source, .. } = self else { return false };
        http_error(&**source).is_some_and(|error| error.kind() == HttpErrorKind::Timeout)
    }

    /// Sorts an error of `object_store` by who can act; `path` is what the message shall name.
    pub(crate) fn from_store(error: StoreError, path: &str) -> Self {
        if let Some(what) = explain::misconfigured(&error.to_string(), path) {
            return Self::Misconfigured { what, source: error.into() };
        }
        let path = path.to_owned();
        match error {
            StoreError::NotFound { .. } => Self::NotFound { path },
            StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => Self::AlreadyExists { path },
            StoreError::PermissionDenied { source, .. } | StoreError::Unauthenticated { source, .. } => {
                Self::Denied { path, source }
            }
            StoreError::InvalidPath { source } => Self::Invalid(format!("{path} can't be a path: {source}")),
            StoreError::UnknownConfigurationKey { store, key } => {
                Self::Invalid(format!("the object store {store} has no option {key}"))
            }
            other => match io_kind(&other) {
                Some(kind) => Self::from_io_kind(kind, path, other.into()),
                None => Self::Unavailable { path, source: other.into() },
            },
        }
    }

    fn from_io_kind(kind: io::ErrorKind, path: String, source: BodyError) -> Self {
        match kind {
            io::ErrorKind::InvalidFilename => Self::Invalid(format!("{path} is too long for this file system")),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied { path, source },
            _ => Self::Unavailable { path, source },
        }
    }
}

/// Finds the operating system's error under the errors of a local store. An error that came over HTTP has none that
/// matters: a socket's errors are the store's unavailability, whatever their kind.
fn io_kind(error: &StoreError) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<HttpError>() {
            return None;
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

/// Finds why an exchange over HTTP broke off, if that is what an error is about: then nothing was answered.
pub(crate) fn http_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a HttpError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return Some(http);
        }
        cause = error.source();
    }
    None
}

/// Why bytes weren't stored; nothing of them remains.
#[derive(Debug, Error)]
pub enum PutError {
    /// Their producer failed; this is its own error.
    #[error("the body failed: {0}")]
    Body(BodyError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
