//! Finds one object and reads its bytes. Owns the order of reading: what is staged, then what is committed, both as
//! of one answer of the metadata service. Invariant: a read by commit asks the metadata service for nothing.

use std::ops::Range;

use model::{CommitId, Entry, ObjectPath, RefTarget, Repository, RepositoryName, StagedValue};
use storage::BodyStream;

use crate::history::read_commit;
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
        if !expr.is_bare() || expr.base.as_str().parse::<CommitId>().is_ok() {
            return self.stat_resolved(repository, expr, path).await;
        }
        let found = self.meta().lookup(repository, &expr.base, Some(path)).await?;
        let (repository, commit) = match (found.target, found.staged) {
            (RefTarget::Branch(_), Some(StagedValue::Tombstone)) => return Ok(None),
            (RefTarget::Branch(_), Some(StagedValue::Entry(entry))) => {
                return Ok(Some(Found { repository: found.repository, entry }));
            }
            (RefTarget::Branch(branch), None) => (found.repository, branch.commit),
            (RefTarget::Tag(tag), _) => (found.repository, tag.commit),
            (RefTarget::Unknown, _) => return self.stat_resolved(repository, expr, path).await,
        };
        self.stat_committed(repository, &commit, path).await
    }

    /// Streams some bytes of an object.
    pub async fn read(&self, repository: &Repository, entry: &Entry, range: Range<u64>) -> Result<BodyStream, Error> {
        Ok(self.files(repository)?.storage().get_data(&entry.address, range).await?)
    }

    async fn stat_resolved(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        path: &ObjectPath,
    ) -> Result<Option<Found>, Error> {
        let resolved = self.resolve(repository, expr).await?;
        match &resolved.branch {
            None => self.stat_committed(resolved.repository, &resolved.commit, path).await,
            Some(branch) => Box::pin(self.stat(repository, &RefExpr::from(&branch.name), path)).await,
        }
    }

    async fn stat_committed(
        &self,
        repository: Repository,
        commit: &CommitId,
        path: &ObjectPath,
    ) -> Result<Option<Found>, Error> {
        let entry = self.committed_entry(&repository, commit, path).await?;
        Ok(entry.map(|entry| Found { repository, entry }))
    }

    /// Finds what a commit has at a path.
    pub(crate) async fn committed_entry(
        &self,
        repository: &Repository,
        commit: &CommitId,
        path: &ObjectPath,
    ) -> Result<Option<Entry>, Error> {
        let files = self.files(repository)?;
        let tree = read_commit(&files, *commit).await?.metarange;
        let found = files.lookup(tree, path.as_bytes()).await?;
        found.map(|found| found.entry(&files)).transpose()
    }
}
