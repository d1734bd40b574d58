//! Makes a repository: its format file, its first commit, then its record.

use model::{BranchName, Repository, RepositoryName, RequestId, StorageNamespace};

use crate::{Error, Graveler};

impl Graveler {
    /// Makes a repository whose default branch points at an empty first commit.
    ///
    /// Without a namespace it lives in the default one, beneath the configured object store; if that is taken (by a
    /// deleted repository of the same name, say), in one with a suffix.
    pub async fn create_repository(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: Option<&StorageNamespace>,
        default_branch: &BranchName,
        committer: &str,
    ) -> Result<Repository, Error> {
        let _ = (request, name, namespace, default_branch, committer);
        todo!()
    }
}
