//! The one compare-and-swap that makes a flow's work visible. Owns the telling apart of its ends; commit and merge
//! decide what to do about each.

use graveler::Graveler;
use model::{Branch, Command, CommitId, MetaError, Note, Refusal, RepositoryName, StagingToken};

use crate::Error;

/// What a publication does beside moving the head.
#[derive(Debug, Clone, Default)]
pub(super) struct Publication {
    /// Sealed tokens that the new head holds; they are dropped.
    pub(super) consumed: Vec<StagingToken>,
    /// Whether anything else that is staged forbids it.
    pub(super) require_clean: bool,
    /// What the reflog says of it.
    pub(super) note: Note,
}

/// Moves a branch from the head as it was read to another; `false` if it isn't as it was read any more.
///
/// If the answer gets lost, the branch is asked for: if it moved, it is there, and without the tokens. If that isn't
/// answered either, the outcome stays unknown.
pub(super) async fn publish(
    graveler: &Graveler,
    repository: &RepositoryName,
    branch: &Branch,
    head: CommitId,
    publication: Publication,
) -> Result<bool, Error> {
    let Publication { consumed, require_clean, note } = publication;
    let command = Command::Publish {
        repository: repository.clone(),
        branch: branch.name.clone(),
        expected: branch.commit,
        head,
        consumed: consumed.clone(),
        require_clean,
        note,
    };
    match graveler.meta().write(command).await {
        Ok(outcome) => match outcome.branch() {
            Ok(_) => Ok(true),
            Err(Refusal::HeadMoved { .. }) => Ok(false),
            Err(refusal) => Err(refusal.into()),
        },
        Err(unknown @ MetaError::OutcomeUnknown(_)) => match graveler.meta().branch(repository, &branch.name).await {
            Ok(now) => Ok(now.commit == head && !consumed.iter().any(|token| now.sealed.contains(token))),
            Err(refused @ MetaError::Refused(_)) => Err(refused.into()),
            Err(_) => Err(unknown.into()),
        },
        Err(error) => Err(error.into()),
    }
}
