//! Writes objects: bytes first, then a staged entry.

use model::{Address, BranchName, ObjectPath, Repository, RepositoryName, Require, StageOutcome, StagedValue};
use storage::BodyStream;

use crate::{Error, Graveler};

/// Bytes that are in the object store, and in no ref yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where they lie.
    pub address: Address,
    /// How many.
    pub size: u64,
    /// Their MD5.
    pub md5: [u8; 16],
}

/// One change that a writer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: ObjectPath,
    /// What.
    pub value: StagedValue,
    /// On what condition, if any.
    pub require: Option<Require>,
}

impl Graveler {
    /// Streams bytes to a new address of a repository. They are durable when this returns, or nothing of them remains.
    ///
    /// Fails with [`Error::Body`] when the body does, with the body's own error.
    pub async fn upload(
        &self,
        repository: &Repository,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<Uploaded, Error> {
        let _ = (repository, body, size_hint);
        todo!()
    }

    /// Stages changes on a branch, each judged by itself; one outcome a change, in their order, never `HeadMoved`.
    ///
    /// Writes to one branch that come while another is under way travel together.
    pub async fn stage(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        changes: Vec<Change>,
    ) -> Result<Vec<StageOutcome>, Error> {
        let _ = (repository, branch, changes);
        todo!()
    }
}
