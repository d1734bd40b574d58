//! Replays a branch's own commits onto another ref and moves the branch to the last of them, in its turn. Invariant: all
//! of them are replayed or nothing changes; commits that others add meanwhile are replayed too.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Conflicts, MergeOptions, Rebased, RefExpr, Strategy};
use model::{BranchName, CommitId, RepositoryName};

use super::paths_named_to;
use crate::commit_queue::CommitQueues;
use crate::publish::{Publication, publish};
use crate::{Error, backoff};

/// How often a rebase is made anew for a head that another server moved.
const ATTEMPTS_MAX: u32 = 32;

/// What to rebase.
#[derive(Debug, Clone)]
pub struct RebaseRequest {
    /// Where.
    pub repository: RepositoryName,
    /// Which branch; it must have no uncommitted changes.
    pub branch: BranchName,
    /// Onto what.
    pub onto: RefExpr,
    /// Decides conflicts; without one they are the answer. The source is the commit that is replayed.
    pub strategy: Option<Strategy>,
    /// Conflicts after this path.
    pub conflicts_after: String,
    /// How many conflicts at most.
    pub conflicts_amount: usize,
}

/// What came of a rebase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebaseOutcome {
    /// It is done.
    Rebased {
        /// The branch's new head.
        head: CommitId,
        /// How many commits were made anew.
        replayed: u64,
        /// How many brought nothing new, and were left out.
        dropped: u64,
    },
    /// The branch, at this head, begins at the new base already.
    UpToDate(CommitId),
    /// A commit couldn't be replayed; nothing was changed.
    Conflicts {
        /// Which.
        commit: CommitId,
        /// Where.
        conflicts: Conflicts,
    },
}

/// Rebases a branch. The new base is looked up once: what it names when the rebase begins is built upon.
pub async fn rebase(queues: &CommitQueues, caller: &Caller, request: &RebaseRequest) -> Result<RebaseOutcome, Error> {
    let graveler = queues.graveler();
    let RebaseRequest { repository, branch: name, onto, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::branch(repository, onto.base()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, name))?;
    authorize(caller, Action::RevertBranch, &Resource::branch(repository, name))?;
    graveler.meta().repository(repository).await?.open_to_writes(name)?;
    let named = paths_named_to(caller, repository, onto.base(), name);
    let onto = graveler.resolve_now(repository, onto).await?;
    let options = MergeOptions {
        strategy: request.strategy,
        conflicts_after: request.conflicts_after.clone(),
        conflicts_amount: request.conflicts_amount,
        named,
        ..MergeOptions::default()
    };

    let slot = queues.reserve_slot(&onto.repository, name)?;
    for attempt in 0..ATTEMPTS_MAX {
        let exclusive = slot.exclusive().await?;
        let branch = graveler.meta().branch(repository, name).await?;
        let rebased = graveler.rebase_tree(&onto.repository, &branch.commit, &onto.commit, &options).await?;
        let (head, replayed, dropped) = match rebased {
            Rebased::Clean { head, replayed, dropped } => (head, replayed, dropped),
            Rebased::UpToDate => return Ok(RebaseOutcome::UpToDate(branch.commit)),
            Rebased::Conflicts { commit, conflicts } => return Ok(RebaseOutcome::Conflicts { commit, conflicts }),
        };

        let note = graveler.note(caller.committer(), &format!("rebase: onto {}", request.onto));
        let publication = Publication { require_clean: true, note, ..Publication::default() };
        if publish(graveler, repository, &branch, head, publication).await?.is_some() {
            tracing::info!(%repository, branch = %name, onto = %onto.commit, %head, replayed, dropped,
                user = %caller.user.name, "rebased");
            return Ok(RebaseOutcome::Rebased { head, replayed, dropped });
        }
        drop(exclusive);
        backoff::wait(attempt).await;
    }
    Err(Error::Contended(name.clone()))
}
