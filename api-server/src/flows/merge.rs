//! Merges a ref into a branch: merge the trees, judge, publish. Invariant: a merge that others beat to the head is made
//! again over the new head, and never bounced to the client for it.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{Built, ChangeCounts, CommitInfo, Conflicts, Graveler, MergeOptions, Merged, RefExpr, Strategy};
use model::{BranchName, Commit, CommitId, RepositoryName};

use super::backoff;
use super::publish::{Publication, publish};
use crate::Error;

/// How often a merge is made anew over a head that moved.
const ATTEMPTS_MAX: u32 = 32;

/// What to merge, and how.
#[derive(Debug, Clone)]
pub struct MergeRequest {
    /// Where.
    pub repository: RepositoryName,
    /// What: its commit; what is uncommitted on it isn't merged.
    pub source: RefExpr,
    /// Into which branch; it must have no uncommitted changes.
    pub destination: BranchName,
    /// Why; empty for a message that names both sides.
    pub message: String,
    /// What else the merge commit shall hold.
    pub metadata: BTreeMap<String, String>,
    /// Decides conflicts; without one they are the answer.
    pub strategy: Option<Strategy>,
    /// Tells what would come of it and changes nothing.
    pub dry_run: bool,
    /// Makes a commit with one parent, the destination.
    pub squash: bool,
    /// Conflicts behind this path.
    pub conflicts_after: String,
    /// How many conflicts at most.
    pub conflicts_amount: usize,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The merge commit, now the destination's head.
    Merged {
        /// Its id.
        id: CommitId,
        /// What it says.
        commit: Commit,
        /// How many objects were looked at one by one and changed.
        changes: u64,
    },
    /// The destination, at this head, holds the source's history already.
    UpToDate(CommitId),
    /// Both sides changed the same objects; nothing was changed.
    Conflicts(Conflicts),
    /// What a dry run would change.
    Preview(ChangeCounts),
}

/// Merges what is committed in a ref into a branch. The source is looked up once: what it names when the merge begins is
/// merged, however long it takes.
pub async fn merge(graveler: &Graveler, caller: &Caller, request: &MergeRequest) -> Result<MergeOutcome, Error> {
    let MergeRequest { repository, source, destination, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::Branch(repository.clone(), source.base().clone()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, destination))?;
    if source.is_bare() && source.base().as_str() == destination.as_str() {
        return Err(Error::SameBranch(destination.clone()));
    }
    let source = graveler.resolve_now(repository, source).await?;
    let options = MergeOptions {
        strategy: request.strategy,
        dry_run: request.dry_run,
        squash: request.squash,
        conflicts_after: request.conflicts_after.clone(),
        conflicts_amount: request.conflicts_amount,
    };

    for attempt in 0..ATTEMPTS_MAX {
        let branch = graveler.meta().branch(repository, destination).await?;
        let info = commit_info(graveler, caller, request);
        let merged = graveler.merge_tree(&source.repository, &source.commit, &branch.commit, &options, &info).await?;
        let built = match merged {
            Merged::Clean(built) => built,
            Merged::WouldMerge(counts) => return Ok(MergeOutcome::Preview(counts)),
            Merged::UpToDate => return Ok(MergeOutcome::UpToDate(branch.commit)),
            Merged::Conflicts(conflicts) => return Ok(MergeOutcome::Conflicts(conflicts)),
        };

        let note = graveler.note(caller.committer(), &format!("merge: {}", built.commit.message));
        let publication = Publication { require_clean: true, note, ..Publication::default() };
        if publish(graveler, repository, &branch, built.id, publication).await? {
            return Ok(done(caller, request, built));
        }
        backoff::wait(attempt).await;
    }
    Err(Error::Contended(destination.clone()))
}

fn commit_info(graveler: &Graveler, caller: &Caller, request: &MergeRequest) -> CommitInfo {
    let message = match request.message.as_str() {
        "" if request.squash => format!("Squash '{}' into '{}'", request.source, request.destination),
        "" => format!("Merge '{}' into '{}'", request.source, request.destination),
        message => message.to_owned(),
    };
    CommitInfo {
        committer: caller.committer().to_owned(),
        message,
        metadata: request.metadata.clone(),
        created_at: graveler.clock().now(),
        // A merge records the source's history even if nothing changes; a squash records nothing but changes.
        allow_empty: !request.squash,
    }
}

fn done(caller: &Caller, request: &MergeRequest, built: Built) -> MergeOutcome {
    let MergeRequest { repository, source, destination, .. } = request;
    let (id, changes) = (built.id, built.changes);
    tracing::info!(%repository, %source, %destination, commit = %id, user = %caller.user.name, "merged");
    MergeOutcome::Merged { id, commit: built.commit, changes }
}
