//! The operating system's errors as the object store's. Owns the one hop to a thread that may block.

use std::io;

use object_store::{Error, Result};
use rustix::io::Errno;

/// What the store is called in errors.
pub(super) const STORE: &str = "local";

/// Runs system calls on a thread that may block; `path` is what an error names.
pub(super) async fn blocking<T: Send + 'static>(
    path: &str,
    step: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(step).await?.map_err(|error| failed(path, error))
}

/// Sorts an error of the operating system.
pub(super) fn failed(path: &str, error: io::Error) -> Error {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { path, source: error.into() },
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: error.into() },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source: error.into() },
        _ if leads_out(&error) => Error::PermissionDenied {
            path,
            source:
                "what isn't a plain folder or file in the object store's folder (a symbolic link, say) isn't followed"
                    .into(),
        },
        _ => Error::Generic { store: STORE, source: error.into() },
    }
}

/// Whether the kernel refused to follow a path out of the root.
fn leads_out(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::LOOP | Errno::XDEV))
}
