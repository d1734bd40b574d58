//! Builds a commit with, or without, another commit's change over a branch's head and publishes it: what revert and
//! cherry-pick share. Invariant: a replay that others beat to the head is made again over the new head, and never
//! bounced to the client for it.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{CommitChange, CommitInfo, Graveler, MergeOptions, Merged, RefExpr, Strategy};
use model::{BranchName, RepositoryName};

use super::backoff;
use super::merge::MergeOutcome;
use super::publish::{Publication, publish};
use crate::Error;

/// How often a replay is made anew over a head that moved.
const ATTEMPTS_MAX: u32 = 32;

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
    /// Conflicts behind this path.
    pub conflicts_after: String,
    /// How many conflicts at most.
    pub conflicts_amount: usize,
}

/// What is done with a commit's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replay {
    Revert,
    CherryPick,
}

impl Replay {
    fn name(self) -> &'static str {
        match self {
            Self::Revert => "revert",
            Self::CherryPick => "cherry-pick",
        }
    }
}

/// Replays a change. What the commit says besides, its verb decides: `message` and `metadata` where the request has none.
pub(super) async fn replay(
    graveler: &Graveler,
    caller: &Caller,
    request: &ReplayRequest,
    verb: Replay,
) -> Result<MergeOutcome, Error> {
    let ReplayRequest { repository, branch: name, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::Branch(repository.clone(), request.commit.base().clone()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, name))?;
    let picked = graveler.resolve_now(repository, &request.commit).await?;
    let original = graveler.commit_object(&picked.repository, &picked.commit).await?;
    let change = CommitChange { commit: picked.commit, parent: request.parent };
    let options = MergeOptions {
        strategy: request.strategy,
        dry_run: request.dry_run,
        conflicts_after: request.conflicts_after.clone(),
        conflicts_amount: request.conflicts_amount,
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

    for attempt in 0..ATTEMPTS_MAX {
        let branch = graveler.meta().branch(repository, name).await?;
        let (of, onto) = (&picked.repository, &branch.commit);
        info.created_at = graveler.clock().now();
        let merged = match verb {
            Replay::Revert => graveler.revert_tree(of, change, onto, &options, &info).await?,
            Replay::CherryPick => graveler.cherry_pick_tree(of, change, onto, &options, &info).await?,
        };
        let built = match merged {
            Merged::Clean(built) => built,
            Merged::WouldMerge(counts) => return Ok(MergeOutcome::Preview(counts)),
            Merged::UpToDate => return Err(graveler::Error::NoChanges.into()),
            Merged::Conflicts(conflicts) => return Ok(MergeOutcome::Conflicts(conflicts)),
        };

        let note = graveler.note(caller.committer(), &format!("{}: {}", verb.name(), info.message));
        let publication = Publication { require_clean: true, note, ..Publication::default() };
        if publish(graveler, repository, &branch, built.id, publication).await? {
            let (id, changes) = (built.id, built.changes);
            tracing::info!(%repository, branch = %name, of = %change.commit, commit = %id, ?verb,
                user = %caller.user.name, "replayed");
            return Ok(MergeOutcome::Merged { id, commit: built.commit, changes });
        }
        backoff::wait(attempt).await;
    }
    Err(Error::Contended(name.clone()))
}
