//! Makes a repository: its format file, its first commit, then its record. Owns the order; the record makes the rest
//! visible. Invariant: a namespace is claimed by its format file before anything else is written there.

use std::collections::BTreeMap;

use model::{
    BranchName, Command, Commit, CommitId, MetaError, Refusal, Repository, RepositoryName, RequestId, StorageNamespace,
};
use storage::{Format, StorageError};

use crate::history::write_commit;
use crate::{Error, Graveler};

/// What a repository's first commit says.
const FIRST_MESSAGE: &str = "Repository created";

impl Graveler {
    /// Makes a repository whose default branch points at an empty first commit.
    ///
    /// Without a namespace it lives in the default one, beneath the configured object store; if that is taken (by a
    /// deleted repository of the same name, say), in one with a suffix. The same request tried again finds what it made.
    pub async fn create_repository(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: Option<&StorageNamespace>,
        default_branch: &BranchName,
        committer: &str,
    ) -> Result<Repository, Error> {
        let create = |command: RequestId, namespace: StorageNamespace| async move {
            let commit = self.claim(request, name, &namespace, committer).await?;
            let command = Command::CreateRepository {
                request: command,
                name: name.clone(),
                namespace,
                default_branch: default_branch.clone(),
                commit: Some(commit),
                note: self.note(committer, "create: repository"),
            };
            Ok::<_, Error>(self.meta().write(command).await?.repository()?)
        };
        self.refuse_taken_name(request, name).await?;
        if let Some(namespace) = namespace {
            return create(request, namespace.clone()).await;
        }
        match create(request, self.stores().default_namespace(name, None)).await {
            Err(error) if is_taken(&error) => {
                let suffix = format!("{:08x}", request.0 as u32);
                // A command of its own: the first one's answer is kept, and it may have been this refusal.
                let second = RequestId(request.0.wrapping_add(1));
                create(second, self.stores().default_namespace(name, Some(&suffix))).await
            }
            other => other,
        }
    }

    /// Makes a repository without a branch, whose refs are to be restored from a dump. Its namespace may be that of a
    /// repository that is no more, or of one that another installation has.
    pub async fn create_bare_repository(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: &StorageNamespace,
        default_branch: &BranchName,
    ) -> Result<Repository, Error> {
        let storage = self.files_at(namespace)?.storage().clone();
        match self.meta().repository(name).await {
            // The command finds its own earlier answer, or refuses the name.
            Ok(_) => {}
            Err(MetaError::Refused(Refusal::RepositoryNotFound(_))) => {
                match storage.create_format(&Format::new(name.clone(), request)).await {
                    Err(StorageError::AlreadyExists { .. }) => drop(storage.read_format().await?),
                    made => made?,
                }
            }
            Err(error) => return Err(error.into()),
        }
        let command = Command::CreateRepository {
            request,
            name: name.clone(),
            namespace: namespace.clone(),
            default_branch: default_branch.clone(),
            commit: None,
            note: model::Note::default(),
        };
        Ok(self.meta().write(command).await?.repository()?)
    }

    /// Refuses a name that another request's repository has, before anything is written for it.
    async fn refuse_taken_name(&self, request: RequestId, name: &RepositoryName) -> Result<(), Error> {
        let there = match self.meta().repository(name).await {
            Ok(there) => there,
            Err(MetaError::Refused(Refusal::RepositoryNotFound(_))) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let format = self.files(&there)?.storage().read_format().await;
        match format {
            Ok(format) if format.created_by == request => Ok(()),
            _ => Err(Refusal::RepositoryExists(name.clone()).into()),
        }
    }

    /// Claims a namespace and writes the first commit there.
    async fn claim(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: &StorageNamespace,
        committer: &str,
    ) -> Result<CommitId, Error> {
        let files = self.files_at(namespace)?;
        files.storage().create_format(&Format::new(name.clone(), request)).await?;
        let first = Commit {
            metarange: None,
            parents: Vec::new(),
            generation: 1,
            committer: committer.to_owned(),
            message: FIRST_MESSAGE.into(),
            created_at: self.clock().now(),
            metadata: BTreeMap::new(),
        };
        write_commit(&files, &first).await
    }
}

/// Whether another repository has the namespace.
fn is_taken(error: &Error) -> bool {
    matches!(
        error,
        Error::Storage(StorageError::AlreadyExists { .. })
            | Error::Meta(MetaError::Refused(Refusal::NamespaceTaken(_)))
    )
}
