//! The seam between Lakebed's stateless servers and its metadata service. Owns the trait, its errors and the typed
//! calls over it; implementations are `metadata-server`'s in-process handle and in-memory store, and `metadata-client`.

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    Answer, Branch, BranchName, Command, GetRepository, Lookup, ObjectPath, Outcome, Query, Question, RefName, Refusal,
    Repository, RepositoryName, ResolveRef, Stage, StageOutcome, StagedChange,
};

/// What can go wrong between a caller and the metadata service.
#[derive(Debug, Clone, Error)]
pub enum MetaError {
    /// The service said no; nothing changed. For the caller to act on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The command may or may not have been carried out. Ask before trying again.
    #[error("the metadata service didn't answer in time; whether the change was made is unknown: {0}")]
    OutcomeUnknown(String),
    /// The service can't be reached or can't serve now; nothing changed. Try again.
    #[error("the metadata service is unavailable: {0}")]
    Unavailable(String),
    /// A bug or a corrupt disk.
    #[error("the metadata service failed: {0}")]
    Internal(String),
}

impl MetaError {
    /// Whether the same call may be tried again without having been carried out.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused(_) | Self::OutcomeUnknown(_) | Self::Internal(_) => false,
        }
    }
}

/// The metadata service: a replicated state machine of small facts.
///
/// Both calls are linearizable. A `write` that returns `Ok` is durable on a majority's disks. A refusal is
/// `Ok(Outcome::Refused(_))` or `Ok(Answer::Refused(_))`; the typed calls turn it into [`MetaError::Refused`].
#[async_trait]
pub trait MetaStore: Send + Sync + 'static {
    /// Carries out a command.
    async fn write(&self, command: Command) -> Result<Outcome, MetaError>;

    /// Answers a question.
    async fn read(&self, query: Query) -> Result<Answer, MetaError>;
}

/// Typed calls. Commands go through `write(…).await?.branch()?` and its kind.
impl dyn MetaStore {
    /// Asks a question.
    pub async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, MetaError> {
        Q::take(self.read(question.into()).await?)
    }

    /// Finds a repository.
    pub async fn repository(&self, name: &RepositoryName) -> Result<Repository, MetaError> {
        self.ask(GetRepository { name: name.clone() }).await
    }

    /// Finds a ref and what is staged at a path of it.
    pub async fn lookup(
        &self,
        repository: &RepositoryName,
        reference: &RefName,
        path: Option<&ObjectPath>,
    ) -> Result<Lookup, MetaError> {
        let (repository, reference) = (repository.clone(), reference.clone());
        Ok(*self.ask(ResolveRef { repository, reference, path: path.cloned() }).await?)
    }

    /// Finds a branch.
    pub async fn branch(&self, repository: &RepositoryName, branch: &BranchName) -> Result<Branch, MetaError> {
        Ok(self.lookup(repository, &branch.into(), None).await?.target.into_branch(branch)?)
    }

    /// Stages changes, at most [`Command::STAGED_CHANGES_MAX`].
    pub async fn stage(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        changes: Vec<StagedChange>,
    ) -> Result<Vec<StageOutcome>, MetaError> {
        let (repository, branch) = (repository.clone(), branch.clone());
        Ok(self.write(Command::Stage(Stage { repository, uid: None, branch, changes })).await?.staged()?)
    }
}
