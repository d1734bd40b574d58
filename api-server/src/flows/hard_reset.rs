//! Moves a branch to any commit. Invariant: uncommitted changes are dropped only if that is asked for, and then in the
//! same step in which the branch moves.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Graveler, RefExpr};
use model::{Branch, BranchName, CommitId, Refusal, RepositoryName, StagingToken};

use super::commit::seal;
use crate::commit_queue::CommitQueues;
use crate::publish::{Publication, publish};
use crate::{Error, backoff};

/// How often a reset is tried on a branch that other servers move.
const ATTEMPTS_MAX: u32 = 32;

/// Where to move a branch, and when.
#[derive(Debug, Clone)]
pub struct HardResetRequest {
    /// Where.
    pub repository: RepositoryName,
    /// Which branch.
    pub branch: BranchName,
    /// Where to; looked up again whenever others move the branch meanwhile.
    pub to: RefExpr,
    /// Where the branch must be now; anywhere if `None`.
    pub expected: Option<CommitId>,
    /// Whether to drop what is uncommitted; otherwise it stays, over the new head.
    pub discard_uncommitted: bool,
}

/// Moves a branch to any commit of its repository, in its turn.
///
/// Fails with the refusal `HeadMoved` when the branch isn't where the caller expects it. What is written after the reset
/// began stays staged, dropped or not.
pub async fn hard_reset(queues: &CommitQueues, caller: &Caller, request: &HardResetRequest) -> Result<Branch, Error> {
    may_hard_reset(caller, request)?;
    let HardResetRequest { repository, branch: name, to, .. } = request;
    let graveler = queues.graveler();
    let found = graveler.resolve_now(repository, to).await?.repository;
    found.open_to_writes(name)?;
    expect(request, &graveler.meta().branch(repository, name).await?)?;
    let slot = queues.reserve_slot(&found, name)?;
    let _permit = slot.may_seal().await?;
    let dropped = if request.discard_uncommitted { sealed(graveler, request).await? } else { Vec::new() };

    for attempt in 0..ATTEMPTS_MAX {
        let exclusive = slot.exclusive().await?;
        let target = graveler.resolve_now(repository, to).await?.commit;
        let branch = graveler.meta().branch(repository, name).await?;
        expect(request, &branch)?;
        let consumed = dropped.iter().filter(|token| branch.sealed.contains(token)).copied().collect();
        let note = graveler.note(caller.committer(), &format!("reset: to {to}"));
        let publication = Publication { consumed, note, ..Publication::default() };
        if let Some(moved) = publish(graveler, repository, &branch, target, publication).await? {
            tracing::info!(%repository, branch = %name, from = %branch.commit, to = %target,
                discarded = request.discard_uncommitted, user = %caller.user.name, "branch reset");
            return Ok(moved);
        }
        drop(exclusive);
        backoff::wait(attempt).await;
    }
    Err(Error::Contended(name.clone()))
}

/// Whether a caller may: for endpoints that look at the branch before.
pub(crate) fn may_hard_reset(caller: &Caller, request: &HardResetRequest) -> Result<(), Error> {
    let HardResetRequest { repository, branch, to, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::branch(repository, to.base()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, branch))?;
    Ok(authorize(caller, Action::RevertBranch, &Resource::branch(repository, branch))?)
}

/// Sets what is uncommitted apart, so that it can be dropped with the publication.
async fn sealed(graveler: &Graveler, request: &HardResetRequest) -> Result<Vec<StagingToken>, Error> {
    let sealed = seal(graveler, &request.repository, &request.branch).await?;
    Ok(sealed.ok_or_else(|| Error::Contended(request.branch.clone()))?.sealed)
}

/// Refuses a branch that isn't where the caller expects it.
fn expect(request: &HardResetRequest, branch: &Branch) -> Result<(), Refusal> {
    match request.expected {
        Some(expected) if expected != branch.commit => {
            Err(Refusal::HeadMoved { branch: branch.name.clone(), head: branch.commit })
        }
        _ => Ok(()),
    }
}
