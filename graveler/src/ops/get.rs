//! Finds one object and reads its bytes. Owns the order of reading: what is staged, then what is committed, both as
//! of one answer of the metadata service. Invariant: a read by commit asks the metadata service for nothing.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use model::{Address, CommitId, Entry, ObjectPath, RefTarget, Repository, RepositoryName, StagedValue};
use storage::BodyStream;

use crate::boxed;
use crate::history::read_commit;
use crate::{Error, Graveler, RefExpr};

/// Up to so many bytes are read in one piece.
const WHOLE_BYTES_MAX: u64 = 64 << 10;

/// An object, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where; needed to [`Graveler::read`] it.
    pub repository: Repository,
    /// The object.
    pub entry: Entry,
}

/// Bytes of an object, opened.
pub enum Content {
    /// All of them.
    Whole(Bytes),
    /// One piece after the other.
    Stream(BodyStream),
}

impl Graveler {
    /// Finds the object at a path of a ref; `None` if there is none. An unknown repository or ref is an error.
    #[boxed]
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

    /// Streams some bytes of an object. One that was imported is read where it lies, and only as it was imported.
    #[boxed]
    pub async fn read(&self, repository: &Repository, entry: &Entry, range: Range<u64>) -> Result<BodyStream, Error> {
        Ok(self.files(repository)?.storage().read(entry, range).await?)
    }

    /// Checks that an imported object can be read, as [`Self::read`] would. Of others, whose bytes nobody else changes,
    /// nothing is asked.
    #[boxed]
    pub async fn check_imported(&self, repository: &Repository, entry: &Entry) -> Result<(), Error> {
        if let Address::Full(_) = entry.address {
            self.files(repository)?.storage().look(entry).await?;
        }
        Ok(())
    }

    /// Opens some bytes of an object for an answer: a few whole, so that a failure to read them can still be an answer
    /// of its own, and a stream of one chunk costs more than it saves; others as a stream.
    #[boxed]
    pub async fn content(&self, repository: &Repository, entry: &Entry, range: Range<u64>) -> Result<Content, Error> {
        let length = range.end - range.start;
        if length == 0 {
            return Ok(Content::Whole(Bytes::new()));
        }
        let mut stream = self.read(repository, entry, range).await?;
        if length > WHOLE_BYTES_MAX {
            return Ok(Content::Stream(stream));
        }
        let first = stream.next().await.transpose().map_err(Error::Body)?.unwrap_or_default();
        if first.len() as u64 == length {
            return Ok(Content::Whole(first));
        }
        let mut whole = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
        whole.extend_from_slice(&first);
        while let Some(chunk) = stream.try_next().await.map_err(Error::Body)? {
            whole.extend_from_slice(&chunk);
        }
        match whole.len() as u64 {
            read if read == length => Ok(Content::Whole(whole.into())),
            read => Err(cut_short(entry, read, length)),
        }
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

fn cut_short(entry: &Entry, read: u64, length: u64) -> Error {
    let why = format!("{read} bytes were read where {length} are due");
    Error::Corrupt { file: entry.address.as_str().to_owned(), why }
}
