//! Makes a commit's change again on another branch.

use auth::Caller;
use graveler::{CommitChange, CommitInfo, Replay};
use model::Commit;

use super::merge::MergeOutcome;
use super::replay::{ReplayRequest, replay};
use crate::Error;
use crate::commit_queue::CommitQueues;

/// The metadata that says which commit was picked, under the names that lakeFS gives them.
const ORIGIN: &str = "cherry-pick-origin";
/// The metadata that says who made that commit.
const COMMITTER: &str = "cherry-pick-committer";

/// Makes a commit on a branch with the change of another commit, its message and its metadata. Where the branch changed
/// the same objects, that is a conflict; where nothing would change, [`graveler::Error::NoChanges`].
pub async fn cherry_pick(
    queues: &CommitQueues,
    caller: &Caller,
    request: &ReplayRequest,
) -> Result<MergeOutcome, Error> {
    replay(queues, caller, request, Replay::CherryPick).await
}

/// What a picked commit says: what the original does, and where it is from.
pub(super) fn describe(info: &mut CommitInfo, change: &CommitChange, original: &Commit) {
    if info.message.is_empty() {
        info.message.clone_from(&original.message);
    }
    info.metadata.clone_from(&original.metadata);
    info.metadata.insert(ORIGIN.to_owned(), change.commit.to_string());
    info.metadata.insert(COMMITTER.to_owned(), original.committer.clone());
}
