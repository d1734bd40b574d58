//! The one compare-and-swap that makes a flow's work visible. Owns the telling apart of its ends; who publishes decides
//! what to do about each. Invariant: a publication whose answer is lost is never made anew, but sent again under its
//! idempotency key until the metadata service says what became of it.

use std::time::{Duration, Instant};

use graveler::Graveler;
use model::{
    Branch, Command, CommitId, CompletedRequest, MetaError, MetaStore, Note, Outcome, Publish, Refusal, RepositoryName,
    RequestId, StagingToken, Version,
};

use crate::{Error, backoff};

/// How often a publication is sent again whose outcome nobody knows…
const SENT_AGAIN_MAX: u32 = 8;
/// …and for how long after it was sent first: its branch waits meanwhile.
const SENT_AGAIN_FOR: Duration = Duration::from_secs(60);
/// How long the first wait before that is; see [`backoff::wait`].
const FIRST_WAIT: u32 = 3;

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
    pub(crate) ended: Vec<CompletedRequest>,
    /// The commits before the last, with what the reflog says of each.
    pub(crate) passed: Vec<(CommitId, Note)>,
    /// What the reflog says of the last.
    pub(crate) note: Note,
}

/// Moves a branch from the head as it was read to another. → the branch as it is then; `None` if it wasn't as it was
/// read any more
///
/// If nobody can say whether it was carried out, the outcome stays unknown.
pub(crate) async fn publish(
    graveler: &Graveler,
    repository: &RepositoryName,
    branch: &Branch,
    head: CommitId,
    publication: Publication,
) -> Result<Option<Branch>, Error> {
    let Publication { consumed, held_by, read_at, require_clean, ended, passed, note } = publication;
    let command = Command::Publish(Publish {
        request: Some(RequestId(rand::random())),
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
    });
    match write_until_known(graveler.meta(), command).await?.branch() {
        Ok(moved) => Ok(Some(moved)),
        Err(Refusal::HeadMoved { .. }) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Sends a command with an idempotency key, and sends it again for as long as its outcome is unknown: the first answer
/// is kept for its key, whether that answer got lost or the command arrives only now.
async fn write_until_known(meta: &dyn MetaStore, command: Command) -> Result<Outcome, MetaError> {
    let begun = Instant::now();
    let unknown = match meta.write(command.clone()).await {
        Err(unknown @ MetaError::OutcomeUnknown(_)) => unknown,
        known => return known,
    };
    for attempt in 0..SENT_AGAIN_MAX {
        if begun.elapsed() > SENT_AGAIN_FOR {
            break;
        }
        tracing::warn!(error = %unknown, %command, "sending a publication again");
        match meta.write(command.clone()).await {
            Ok(outcome) => return Ok(outcome),
            Err(MetaError::OutcomeUnknown(_) | MetaError::Unavailable(_)) => backoff::wait(FIRST_WAIT + attempt).await,
            // This time it failed; whether it was carried out before, nobody has said.
            Err(MetaError::Internal(_) | MetaError::Refused(_)) => break,
        }
    }
    Err(unknown)
}
