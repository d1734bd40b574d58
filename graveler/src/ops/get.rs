//! Finds one object and reads its bytes.

use std::ops::Range;

use model::{Entry, ObjectPath, Repository, RepositoryName};
use storage::BodyStream;

use crate::{Error, Graveler, RefExpr};

/// An object, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where; needed to [`Graveler::read`] it.
    pub repository: Repository,
    /// The object.
    pub entry: Entry,
}

impl Graveler {
    /// Finds the object at a path of a ref; `None` if there is none. An unknown repository or ref is an error.
    pub async fn stat(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        path: &ObjectPath,
    ) -> Result<Option<Found>, Error> {
        let _ = (repository, expr, path);
        todo!()
    }

    /// Streams some bytes of an object.
    pub async fn read(&self, repository: &Repository, entry: &Entry, range: Range<u64>) -> Result<BodyStream, Error> {
        let _ = (repository, entry, range);
        todo!()
    }
}
