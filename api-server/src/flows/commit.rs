//! Commits what is staged on a branch: seal, queue, build, settle, publish (`commit_queue` draws the steps). Owns the
//! sealing; `commit_queue` owns the rest. Invariant: a request that sealed something of its own makes a commit of its own,
//! with its own message, unless another server's commit included it; and no request is refused because others came first.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{CommitInfo, Graveler, RefExpr};
use model::{Branch, BranchName, Command, Commit, CommitId, Refusal, RepositoryName, Seal, Timestamp};

use super::actions::{About, refuse_hooks};
use crate::commit_queue::{CommitQueues, Operation, Outcome, RequestContext, Slot};
use crate::{Error, backoff};

/// How often a seal waits for other servers' commits to make room.
const SEAL_ATTEMPTS_MAX: u32 = 8;

/// What to commit.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// Where.
    pub repository: RepositoryName,
    /// Which branch.
    pub branch: BranchName,
    /// Why.
    pub message: String,
    /// What else.
    pub metadata: BTreeMap<String, String>,
    /// Whether a commit that changes nothing is one.
    pub allow_empty: bool,
    /// When it was made, if not now.
    pub created_at: Option<Timestamp>,
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit that holds the changes.
    pub id: CommitId,
    /// What it says.
    pub commit: Commit,
    /// How many paths it changes; `None` if another request's commit includes these changes.
    pub changes: Option<u64>,
}

/// Commits what is staged on a branch.
///
/// Writers go on meanwhile into a new staging token. A crash at any point loses nothing: sealed tokens stay readable and
/// go into the next commit. What is staged on a branch belongs to the branch and not to its writer: a commit takes all
/// of it, and a request that finds nothing left of its own is told which commit includes it.
pub async fn commit(
    queues: &CommitQueues,
    caller: &Caller,
    request: &CommitRequest,
    context: &RequestContext,
) -> Result<Committed, Error> {
    let CommitRequest { repository, branch, .. } = request;
    may_commit(caller, request)?;
    let found = queues.graveler().meta().repository(repository).await?;
    refuse_hooks(queues.graveler(), &found, &RefExpr::from(branch), About::Commit, branch).await?;
    let slot = queues.reserve_slot(&found, branch)?;
    context.progress.set_stage("waiting");

    // Seal: what is staged so far becomes sealed tokens.
    let _permit = slot.may_seal().await?;
    let sealed = match seal(queues.graveler(), repository, branch).await? {
        Some(sealed) => sealed,
        None => make_room(queues, &slot, caller, request).await?,
    };
    // Queue, build, settle and publish, together with what others asked for.
    let operation = Operation::Commit { sealed, info: info(caller, request), created_at: request.created_at };
    match slot.submit(operation, context).await? {
        Outcome::Committed(built) => {
            let (id, changes) = (built.id, built.changes);
            tracing::info!(%repository, %branch, commit = %id, changes, user = %caller.user.name, "committed");
            Ok(Committed { id, commit: built.commit, changes: Some(changes) })
        }
        Outcome::IncludedIn(id) => {
            let commit = queues.graveler().commit_object(&found, &id).await?;
            Ok(Committed { id, commit: Commit::clone(&commit), changes: None })
        }
        Outcome::UpToDate(_) | Outcome::Conflicts(_) => Err(graveler::Error::NoChanges.into()),
    }
}

/// Returns an error if the caller may not make this commit.
pub(crate) fn may_commit(caller: &Caller, request: &CommitRequest) -> Result<(), Error> {
    let resource = Resource::branch(&request.repository, &request.branch);
    Ok(authorize(caller, Action::CreateCommit, &resource)?)
}

/// Gives writers a new token, so that what is staged so far stays as it is; `None` if others have sealed all that readers
/// should look through.
pub(super) async fn seal(
    graveler: &Graveler,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<Option<Branch>, Error> {
    for attempt in 0..SEAL_ATTEMPTS_MAX {
        let command = Command::Seal(Seal { repository: repository.clone(), branch: branch.clone() });
        match graveler.meta().write(command).await?.branch() {
            Ok(branch) => return Ok(Some(branch)),
            Err(Refusal::TooManySealed(_)) => backoff::wait(attempt).await,
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(None)
}

/// Commits what others sealed and, it seems, won't publish any more since their server died; then seals.
async fn make_room(
    queues: &CommitQueues,
    slot: &Slot,
    caller: &Caller,
    request: &CommitRequest,
) -> Result<Branch, Error> {
    let full = queues.graveler().meta().branch(&request.repository, &request.branch).await?;
    let operation = Operation::Commit { sealed: full, info: info(caller, request), created_at: request.created_at };
    match slot.submit(operation, &RequestContext::default()).await {
        Ok(_) | Err(Error::Graveler(graveler::Error::NoChanges)) => {}
        Err(error) => return Err(error),
    }
    let sealed = seal(queues.graveler(), &request.repository, &request.branch).await?;
    sealed.ok_or_else(|| Error::Contended(request.branch.clone()))
}

fn info(caller: &Caller, request: &CommitRequest) -> CommitInfo {
    CommitInfo {
        committer: caller.committer().to_owned(),
        message: request.message.clone(),
        metadata: request.metadata.clone(),
        // Set when it is built.
        created_at: Timestamp::default(),
        allow_empty: request.allow_empty,
    }
}
