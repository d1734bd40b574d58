//! Builds a commit with, or without, another commit's change over a branch's head and publishes it, in its turn: what
//! revert and cherry-pick share. Invariant: a replay that others beat to the head is made again over the new head, and
//! never bounced to the client for it.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{CommitChange, CommitInfo, Graveler, MergeOptions, Merged, RefExpr, Replay, Strategy};
use model::{BranchName, Repository, RepositoryName};

use super::actions::{About, refuse_hooks};
use super::commit_text::check_commit_text;
use super::merge::MergeOutcome;
use super::paths_named_to;
use crate::Error;
use crate::commit_queue::{CommitQueues, Operation, Outcome, RequestContext};

/// Which commit's change to revert or pick, and how.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// Where.
    pub repository: RepositoryName,
    /// Onto which branch; it must have no uncommitted changes.
    pub branch: BranchName,
    /// Which commit.
    pub commit: RefExpr,
    /// Against which of its parents, from 1; a merge commit needs one.
    pub parent: Option<u32>,
    /// Why; empty for the verb's usual message.
    pub message: String,
    /// What else the commit shall hold.
    pub metadata: BTreeMap<String, String>,
    /// Whether a commit that changes nothing is one.
    pub allow_empty: bool,
    /// Decides conflicts; without one they are the answer.
    pub strategy: Option<Strategy>,
    /// Tells what would come of it and changes nothing.
    pub dry_run: bool,
    /// Conflicts after this path.
    pub conflicts_after: String,
    /// How many conflicts at most.
    pub conflicts_amount: usize,
}

/// Replays a change. What the commit says besides, its verb decides: `message` and `metadata` where the request has none.
pub(super) async fn replay(
    queues: &CommitQueues,
    caller: &Caller,
    request: &ReplayRequest,
    verb: Replay,
) -> Result<MergeOutcome, Error> {
    let graveler = queues.graveler();
    let ReplayRequest { repository, branch: name, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::branch(repository, request.commit.base()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, name))?;
    check_commit_text(&request.message, &request.metadata)?;
    graveler.meta().repository(repository).await?.open_to_writes(name)?;
    let picked = graveler.resolve_now(repository, &request.commit).await?;
    let original = graveler.commit_object(&picked.repository, &picked.commit).await?;
    let change = CommitChange { commit: picked.commit, parent: request.parent };
    let options = MergeOptions {
        strategy: request.strategy,
        dry_run: request.dry_run,
        conflicts_after: request.conflicts_after.clone(),
        conflicts_amount: request.conflicts_amount,
        named: paths_named_to(caller, repository, request.commit.base(), name),
        ..MergeOptions::default()
    };
    let mut info = CommitInfo {
        committer: caller.committer().to_owned(),
        message: request.message.clone(),
        metadata: BTreeMap::new(),
        created_at: graveler.clock().now(),
        allow_empty: request.allow_empty,
    };
    match verb {
        Replay::Revert => super::revert::describe(&mut info, &change, &original),
        Replay::CherryPick => super::cherry_pick::describe(&mut info, &change, &original),
    }
    info.metadata.extend(request.metadata.clone());
    if request.dry_run {
        return preview(graveler, request, verb, &picked.repository, change, &options, &info).await;
    }

    refuse_hooks(graveler, &picked.repository, &RefExpr::from(name), About::Replay(verb), name).await?;
    let slot = queues.reserve_slot(&picked.repository, name)?;
    match slot.submit(Operation::Replay { replay: verb, change, options, info }, &RequestContext::default()).await? {
        Outcome::Committed(built) => {
            let (id, changes) = (built.id, built.changes);
            tracing::info!(%repository, branch = %name, of = %picked.commit, commit = %id, ?verb,
                user = %caller.user.name, "replayed");
            Ok(MergeOutcome::Merged { id, commit: built.commit, changes })
        }
        Outcome::Conflicts(conflicts) => Ok(MergeOutcome::Conflicts(conflicts)),
        Outcome::UpToDate(_) | Outcome::IncludedIn(_) => Err(graveler::Error::NoChanges.into()),
    }
}

/// Tells what would come of a replay over the present head.
async fn preview(
    graveler: &Graveler,
    request: &ReplayRequest,
    verb: Replay,
    of: &Repository,
    change: CommitChange,
    options: &MergeOptions,
    info: &CommitInfo,
) -> Result<MergeOutcome, Error> {
    let onto = graveler.meta().branch(&request.repository, &request.branch).await?.commit;
    let merged = match verb {
        Replay::Revert => graveler.revert_tree(of, change, &onto, options, info).await?,
        Replay::CherryPick => graveler.cherry_pick_tree(of, change, &onto, options, info).await?,
    };
    match merged {
        Merged::WouldMerge(counts) => Ok(MergeOutcome::Preview(counts)),
        Merged::UpToDate => Err(graveler::Error::NoChanges.into()),
        Merged::Conflicts(conflicts) => Ok(MergeOutcome::Conflicts(conflicts)),
        Merged::Clean(_) => Err(graveler::Error::Internal("a dry run built a commit".into()).into()),
    }
}
