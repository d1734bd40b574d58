//! Moves a branch to any commit. Invariant: uncommitted changes are dropped only if that is asked for, and then in the
//! same step in which the branch moves.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Graveler, RefExpr};
use model::{Branch, BranchName, Command, CommitId, Refusal, RepositoryName};

use crate::publish::{Publication, publish};
use crate::{Error, backoff};

/// How often a reset is tried on a branch that others move.
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

/// Moves a branch to any commit of its repository.
///
/// Fails with the refusal `HeadMoved` when the branch isn't where the caller expects it. What is written after the reset
/// began stays staged, dropped or not.
pub async fn hard_reset(graveler: &Graveler, caller: &Caller, request: &HardResetRequest) -> Result<Branch, Error> {
    let HardResetRequest { repository, branch: name, to, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::Branch(repository.clone(), to.base().clone()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, name))?;
    authorize(caller, Action::RevertBranch, &Resource::branch(repository, name))?;
    graveler.meta().repository(repository).await?.open_to_writes(name)?;
    for attempt in 0..ATTEMPTS_MAX {
        let target = graveler.resolve_now(repository, to).await?.commit;
        let branch = graveler.meta().branch(repository, name).await?;
        if request.expected.is_some_and(|expected| expected != branch.commit) {
            return Err(Refusal::HeadMoved { branch: branch.name, head: branch.commit }.into());
        }
        let sealed = if request.discard_uncommitted { seal(graveler, request).await? } else { Some(branch) };
        if let Some(branch) = sealed
            && request.expected.is_none_or(|expected| expected == branch.commit)
            && publish(graveler, repository, &branch, target, publication(graveler, caller, request, &branch)).await?
        {
            tracing::info!(%repository, branch = %name, from = %branch.commit, to = %target,
                discarded = request.discard_uncommitted, user = %caller.user.name, "branch reset");
            return Ok(graveler.meta().branch(repository, name).await?);
        }
        backoff::wait(attempt).await;
    }
    Err(Error::Contended(name.clone()))
}

/// Sets what is uncommitted apart, so that it can be dropped with the publication; `None` if other commits under way
/// leave no room for that.
async fn seal(graveler: &Graveler, request: &HardResetRequest) -> Result<Option<Branch>, Error> {
    let command = Command::Seal { repository: request.repository.clone(), branch: request.branch.clone() };
    match graveler.meta().write(command).await?.branch() {
        Ok(branch) => Ok(Some(branch)),
        Err(Refusal::TooManySealed(_)) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

fn publication(graveler: &Graveler, caller: &Caller, request: &HardResetRequest, branch: &Branch) -> Publication {
    let consumed = if request.discard_uncommitted { branch.sealed.clone() } else { Vec::new() };
    let note = graveler.note(caller.committer(), &format!("reset: to {}", request.to));
    Publication { consumed, note, ..Publication::default() }
}
