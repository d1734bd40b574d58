//! The one compare-and-swap that makes a flow's work visible. Owns the telling apart of its ends; who publishes decides
//! what to do about each.

use graveler::Graveler;
use model::{
    Branch, Command, CommitId, EndedRequest, JobState, MetaError, Note, Query, Refusal, RepositoryName, StagingToken,
    Version,
};

use crate::Error;

/// What a publication does beside moving the head; as in [`Command::Publish`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Publication {
    /// Sealed tokens that are dropped.
    pub(crate) consumed: Vec<StagingToken>,
    /// Which commits hold them; none where they are thrown away.
    pub(crate) held_by: Vec<Option<CommitId>>,
    /// The branch's last reset when they were read.
    pub(crate) read_at: Option<Version>,
    /// Whether anything else that is staged forbids it.
    pub(crate) require_clean: bool,
    /// Requests that it carries out.
    pub(crate) ended: Vec<EndedRequest>,
    /// The commits before the last, with what the reflog says of each.
    pub(crate) passed: Vec<(CommitId, Note)>,
    /// What the reflog says of the last.
    pub(crate) note: Note,
}

/// Moves a branch from the head as it was read to another; `false` if it isn't as it was read any more.
///
/// If the answer gets lost, the metadata service is asked for what it would have changed. If that isn't answered either,
/// the outcome stays unknown.
pub(crate) async fn publish(
    graveler: &Graveler,
    repository: &RepositoryName,
    branch: &Branch,
    head: CommitId,
    publication: Publication,
) -> Result<bool, Error> {
    let Publication { consumed, held_by, read_at, require_clean, ended, passed, note } = publication;
    let lost = Lost { consumed: consumed.clone(), request: ended.first().map(|ended| ended.id), head };
    let command = Command::Publish {
        repository: repository.clone(),
        branch: branch.name.clone(),
        expected: branch.commit,
        head,
        consumed,
        held_by,
        read_at,
        require_clean,
        ended,
        passed,
        note,
    };
    match graveler.meta().write(command).await {
        Ok(outcome) => match outcome.branch() {
            Ok(_) => Ok(true),
            Err(Refusal::HeadMoved { .. }) => Ok(false),
            Err(refusal) => Err(refusal.into()),
        },
        Err(unknown @ MetaError::OutcomeUnknown(_)) => match lost.was_published(graveler, repository, branch).await {
            Ok(published) => Ok(published),
            Err(refused @ MetaError::Refused(_)) => Err(refused.into()),
            Err(_) => Err(unknown.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// A publication of which nobody heard.
struct Lost {
    consumed: Vec<StagingToken>,
    request: Option<model::RequestId>,
    head: CommitId,
}

impl Lost {
    /// Whether it was carried out: then its requests have their answers. One without requests is known by the branch's
    /// new head, and that its tokens are gone.
    async fn was_published(
        &self,
        graveler: &Graveler,
        repository: &RepositoryName,
        branch: &Branch,
    ) -> Result<bool, MetaError> {
        if let Some(id) = self.request {
            return match graveler.meta().read(Query::Job { id }).await?.job() {
                Ok(job) => Ok(matches!(job.state, JobState::Done(_))),
                Err(Refusal::JobNotFound(_)) => Ok(false),
                Err(refusal) => Err(refusal.into()),
            };
        }
        let now = graveler.meta().branch(repository, &branch.name).await?;
        Ok(now.commit == self.head && !self.consumed.iter().any(|token| now.sealed.contains(token)))
    }
}
