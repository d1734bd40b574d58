//! Merges a ref into a branch: find its commit, queue, merge, publish. Owns what may be merged; `commit_queue` owns the rest.
//! Invariant: a merge that loses the race for the head is made again over the new head, and never refused for it.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{ChangeCounts, CommitInfo, Conflicts, Graveler, MergeOptions, Merged, RefExpr, Resolved, Strategy};
use model::{BranchName, Commit, CommitId, RepositoryName};

use super::actions::{About, refuse_hooks};
use super::paths_named_to;
use crate::Error;
use crate::commit_queue::{CommitQueues, Operation, Outcome, RequestContext};

/// The metadata of a merge commit that says how conflicts were decided, under lakeFS's name.
pub(super) const MERGE_STRATEGY: &str = ".lakefs.merge.strategy";
/// What it says where the source's objects were taken.
pub(super) const SOURCE_WINS: &str = "source-wins";

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
    /// Fails where there is nothing to merge, instead of saying so.
    pub must_change: bool,
    /// Conflicts after this path.
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
pub async fn merge(
    queues: &CommitQueues,
    caller: &Caller,
    request: &MergeRequest,
    context: &RequestContext,
) -> Result<MergeOutcome, Error> {
    let MergeRequest { repository, source, destination, .. } = request;
    may_merge(caller, request)?;
    let graveler = queues.graveler();
    let found = graveler.resolve_now(repository, source).await?;
    let options = MergeOptions {
        strategy: request.strategy,
        dry_run: request.dry_run,
        squash: request.squash,
        conflicts_after: request.conflicts_after.clone(),
        conflicts_amount: request.conflicts_amount,
        named: paths_named_to(caller, repository, source.base(), destination),
    };
    let info = commit_info(caller, request);
    if request.dry_run {
        return preview(graveler, request, &found, &options, &info).await;
    }

    let declared_in = RefExpr::from(found.commit);
    refuse_hooks(graveler, &found.repository, &declared_in, About::Merge, destination).await?;
    let slot = queues.reserve_slot(&found.repository, destination)?;
    context.progress.set_stage("waiting");
    let outcome = slot.submit(Operation::Merge { source: found.commit, options, info }, context).await?;
    Ok(match outcome {
        Outcome::Committed(built) => {
            let (id, changes) = (built.id, built.changes);
            tracing::info!(%repository, %source, %destination, commit = %id, user = %caller.user.name, "merged");
            MergeOutcome::Merged { id, commit: built.commit, changes }
        }
        Outcome::UpToDate(_) | Outcome::IncludedIn(_) if request.must_change => {
            return Err(Error::NothingNew(destination.clone()));
        }
        Outcome::UpToDate(head) | Outcome::IncludedIn(head) => MergeOutcome::UpToDate(head),
        Outcome::Conflicts(conflicts) => MergeOutcome::Conflicts(conflicts),
    })
}

/// Whether the caller may make this merge, and whether it makes sense.
pub(crate) fn may_merge(caller: &Caller, request: &MergeRequest) -> Result<(), Error> {
    let MergeRequest { repository, source, destination, .. } = request;
    authorize(caller, Action::ReadBranch, &Resource::branch(repository, source.base()))?;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, destination))?;
    if source.is_bare() && source.base().as_str() == destination.as_str() {
        return Err(Error::SameBranch(destination.clone()));
    }
    Ok(())
}

/// Tells what would come of a merge over the present head.
async fn preview(
    graveler: &Graveler,
    request: &MergeRequest,
    source: &Resolved,
    options: &MergeOptions,
    info: &CommitInfo,
) -> Result<MergeOutcome, Error> {
    let head = graveler.meta().branch(&request.repository, &request.destination).await?.commit;
    match graveler.merge_tree(&source.repository, &source.commit, &head, options, info).await? {
        Merged::WouldMerge(counts) => Ok(MergeOutcome::Preview(counts)),
        Merged::UpToDate => Ok(MergeOutcome::UpToDate(head)),
        Merged::Conflicts(conflicts) => Ok(MergeOutcome::Conflicts(conflicts)),
        Merged::Clean(_) => Err(graveler::Error::Internal("a dry run built a commit".into()).into()),
    }
}

fn commit_info(caller: &Caller, request: &MergeRequest) -> CommitInfo {
    let message = match request.message.as_str() {
        "" if request.squash => format!("Squash '{}' into '{}'", request.source, request.destination),
        "" => format!("Merge '{}' into '{}'", request.source, request.destination),
        message => message.to_owned(),
    };
    let strategy = match request.strategy {
        None => "default",
        Some(Strategy::SourceWins) => SOURCE_WINS,
        Some(Strategy::DestinationWins) => "dest-wins",
    };
    let mut metadata = request.metadata.clone();
    metadata.insert(MERGE_STRATEGY.to_owned(), strategy.to_owned());
    CommitInfo {
        committer: caller.committer().to_owned(),
        message,
        metadata,
        // Set when it is built.
        created_at: model::Timestamp::default(),
        // A merge records the source's history even if nothing changes; a squash records nothing but changes.
        allow_empty: !request.squash,
    }
}
