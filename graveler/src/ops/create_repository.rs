//! Makes a repository: a claim on its namespace, its format file, its first commit, then its record. Owns the order; the
//! record makes the rest visible.
//!
//! ```text
//! claim (replicated) ──► format.json, names the claim ──► first commit ──► record (replicated), ends the claim
//! ```
//!
//! A creation that is cut off, at whichever arrow, leaves a claim, and perhaps files under it; the next creation in that
//! namespace gets the same claim and goes on. Two at the same time do the same work, and one record is made. A lost answer
//! of the record is found by the request's id. Invariant: a namespace whose format file doesn't name our claim is never
//! written to: another repository lived there, or another installation's lives there.

use std::collections::BTreeMap;

use model::{
    BranchName, ClaimNamespace, Command, Commit, CommitId, CreateRepository, MetaError, Outcome, Refusal, Repository,
    RepositoryName, RequestId, StorageNamespace,
};
use storage::{Format, StorageError};

use crate::boxed;
use crate::history::write_commit;
use crate::{Error, Graveler};

/// What a repository's first commit says.
const FIRST_MESSAGE: &str = "Repository created";

impl Graveler {
    /// Makes a repository whose default branch points at an empty first commit.
    ///
    /// Without a namespace it lives in the default one, under the configured object store; if that is taken (by a
    /// deleted repository of the same name, say), in one with a suffix. The same request tried again finds what it made,
    /// and any request goes on where another was cut off.
    #[boxed]
    pub async fn create_repository(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: Option<&StorageNamespace>,
        default_branch: &BranchName,
        committer: &str,
    ) -> Result<Repository, Error> {
        let create = |command: RequestId, namespace: StorageNamespace| async move {
            let claim = match self.claim(command, name, &namespace).await? {
                Claim::Fulfilled(made) => return Ok(made),
                Claim::Ours(claim) => claim,
            };
            self.write_format(name, &namespace, claim).await?;
            let commit = self.write_first_commit(&namespace, committer).await?;
            let command = Command::CreateRepository(CreateRepository {
                request: command,
                name: name.clone(),
                namespace,
                default_branch: default_branch.clone(),
                commit: Some(commit),
                claim: Some(claim),
                note: self.note(committer, "create: repository"),
            });
            Ok::<_, Error>(self.meta().write(command).await?.repository()?)
        };
        if let Some(namespace) = namespace {
            return create(request, namespace.clone()).await;
        }
        match create(request, self.stores().default_namespace(name, None)).await {
            // There, an earlier try of this request may have made it.
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
    #[boxed]
    pub async fn create_bare_repository(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: &StorageNamespace,
        default_branch: &BranchName,
    ) -> Result<Repository, Error> {
        let claim = match self.claim(request, name, namespace).await? {
            Claim::Fulfilled(made) => return Ok(made),
            Claim::Ours(claim) => claim,
        };
        match self.write_format(name, namespace, claim).await {
            Err(Error::Storage(StorageError::AlreadyExists { .. })) => {}
            written => written?,
        }
        let command = Command::CreateRepository(CreateRepository {
            request,
            name: name.clone(),
            namespace: namespace.clone(),
            default_branch: default_branch.clone(),
            commit: None,
            claim: Some(claim),
            note: model::Note::default(),
        });
        Ok(self.meta().write(command).await?.repository()?)
    }

    /// Has the metadata service write down whose the namespace is, before anything is written there.
    async fn claim(
        &self,
        request: RequestId,
        name: &RepositoryName,
        namespace: &StorageNamespace,
    ) -> Result<Claim, Error> {
        // A namespace that can't be ours is refused before it is claimed.
        self.files_at(namespace)?;
        let (name, namespace) = (name.clone(), namespace.clone());
        match self.meta().write(Command::ClaimNamespace(ClaimNamespace { request, name, namespace })).await? {
            Outcome::Repository(made) => Ok(Claim::Fulfilled(made)),
            outcome => Ok(Claim::Ours(outcome.claimed()?)),
        }
    }

    /// Writes the format file under a claim. One that is there is ours if it names the claim: then a creation that was cut
    /// off has written it. Any other is of a repository that was, or of another installation's.
    async fn write_format(
        &self,
        name: &RepositoryName,
        namespace: &StorageNamespace,
        claim: RequestId,
    ) -> Result<(), Error> {
        let files = self.files_at(namespace)?;
        match files.storage().create_format(&Format::new(name.clone(), claim)).await {
            Err(taken @ StorageError::AlreadyExists { .. }) => match files.storage().read_format().await?.created_by {
                there if there == claim => Ok(()),
                _ => Err(taken.into()),
            },
            written => Ok(written?),
        }
    }

    async fn write_first_commit(&self, namespace: &StorageNamespace, committer: &str) -> Result<CommitId, Error> {
        let first = Commit {
            metarange: None,
            parents: Vec::new(),
            generation: 1,
            committer: committer.to_owned(),
            message: FIRST_MESSAGE.into(),
            created_at: self.clock().now(),
            metadata: BTreeMap::new(),
        };
        write_commit(&self.files_at(namespace)?, &first).await
    }
}

/// What a request has of a namespace.
enum Claim {
    /// It may write there, under this id.
    Ours(RequestId),
    /// It has made its repository already.
    Fulfilled(Repository),
}

/// Whether another repository has the namespace, or some request's the name.
fn is_taken(error: &Error) -> bool {
    matches!(
        error,
        Error::Storage(StorageError::AlreadyExists { .. })
            | Error::Meta(MetaError::Refused(Refusal::NamespaceTaken(_) | Refusal::RepositoryExists(_)))
    )
}
