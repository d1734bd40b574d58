//! Takes a commit's change back.

use auth::Caller;
use graveler::{CommitChange, CommitInfo, Replay};
use model::Commit;

use super::merge::MergeOutcome;
use super::replay::{ReplayRequest, replay};
use crate::Error;
use crate::commit_queue::CommitQueues;

/// Makes a commit on a branch that takes the change of another commit back. Where the branch has changed an object again
/// since, that is a conflict; where nothing would change, [`graveler::Error::NoChanges`].
pub async fn revert(queues: &CommitQueues, caller: &Caller, request: &ReplayRequest) -> Result<MergeOutcome, Error> {
    replay(queues, caller, request, Replay::Revert).await
}

/// What a revert says of itself, as git does.
pub(super) fn describe(info: &mut CommitInfo, change: &CommitChange, original: &Commit) {
    if info.message.is_empty() {
        let subject = original.message.lines().next().unwrap_or_default();
        info.message = format!("Revert \"{subject}\"\n\nThis reverts commit {}.", change.commit);
    }
}
