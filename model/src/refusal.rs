//! Why the state machine said no. A refusal is a result, replicated like any other, not a failure of the service.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    BranchName, CommitId, GroupName, PolicyName, RepositoryName, RequestId, StorageNamespace, TagName, UploadId,
    UserName,
};

/// A command's or query's refusal. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// No such repository.
    #[error("repository {0} not found")]
    RepositoryNotFound(RepositoryName),
    /// The repository's name is taken.
    #[error("repository {0} already exists")]
    RepositoryExists(RepositoryName),
    /// Another repository lives there.
    #[error("storage namespace {0} belongs to another repository")]
    NamespaceTaken(StorageNamespace),
    /// No such branch.
    #[error("branch {0} not found{hint}", hint = if_commit(.0))]
    BranchNotFound(BranchName),
    /// No such branch, but a tag.
    #[error("branch {0} not found: {0} is a tag, which is read-only; name a branch")]
    TagIsNoBranch(BranchName),
    /// No branch of this name was deleted, or it is forgotten.
    #[error("no deletion of branch {0} is remembered: list what can be brought back with `branch list --deleted`")]
    DeletionNotFound(BranchName),
    /// A branch or tag has this name.
    #[error("a branch or tag named {0} already exists")]
    RefExists(String),
    /// The default branch stays.
    #[error("{0} is the repository's default branch and can't be deleted")]
    DefaultBranch(BranchName),
    /// The branch changes by merges only.
    #[error("branch {0} is protected: change another branch and merge that")]
    ProtectedBranch(BranchName),
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// The settings aren't those that the change was decided upon.
    #[error("the settings of repository {0} changed meanwhile: look at them and decide anew")]
    SettingsChanged(RepositoryName),
    /// The settings would be larger than they may be.
    #[error("the settings of repository {0} would be too large: remove some first")]
    SettingsTooLarge(RepositoryName),
    /// No such tag.
    #[error("tag {0} not found")]
    TagNotFound(TagName),
    /// No such tag, but a branch.
    #[error("tag {0} not found: {0} is a branch; name a tag, or use the command for branches")]
    BranchIsNoTag(TagName),
    /// The branch moved under a publication: rebase and publish again.
    #[error("branch {branch} moved to {head} meanwhile")]
    HeadMoved {
        /// The branch.
        branch: BranchName,
        /// Where it is now.
        head: CommitId,
    },
    /// The publication needs a branch without staged changes.
    #[error("branch {0} has uncommitted changes: commit or reset them first")]
    DirtyBranch(BranchName),
    /// More commits are under way on the branch than readers should look through: try again.
    #[error("branch {0} has too many commits under way: try again")]
    TooManySealed(BranchName),
    /// No such upload, or it ended.
    #[error("upload {0} not found: it may have been completed or aborted")]
    UploadNotFound(UploadId),
    /// The user's name is taken.
    #[error("user {0} already exists")]
    UserExists(UserName),
    /// No such user; nameless where they were asked for by their id.
    #[error("{} not found", .0.as_ref().map_or("user".to_owned(), |name| format!("user {name}")))]
    UserNotFound(Option<UserName>),
    /// The access key's id is taken.
    #[error("access key {0} already exists")]
    CredentialExists(String),
    /// No such access key.
    #[error("access key {0} not found")]
    CredentialNotFound(String),
    /// No such job, or it ended so long ago that it is forgotten.
    #[error("job {0} not found: those that ended are forgotten after a day")]
    JobNotFound(RequestId),
    /// Another runner carries out the job.
    #[error("job {0} is carried out by another server")]
    JobTaken(RequestId),
    /// The request was carried out, and its answer is remembered.
    #[error("request {0} was carried out already")]
    RequestAnswered(RequestId),
    /// The id belongs to another request.
    #[error("request id {0} was used for another request: draw a new one")]
    RequestReused(RequestId),
    /// As many jobs wait or run as may.
    #[error("too many jobs are under way: wait until some have ended")]
    TooManyJobs,
    /// The group's name is taken.
    #[error("group {0} already exists")]
    GroupExists(GroupName),
    /// No such group.
    #[error("group {0} not found")]
    GroupNotFound(GroupName),
    /// The policy's name is taken.
    #[error("policy {0} already exists")]
    PolicyExists(PolicyName),
    /// No such policy.
    #[error("policy {0} not found")]
    PolicyNotFound(PolicyName),
    /// The session was ended, by itself, with its key, or with all of its user's.
    #[error("the session has ended: log in again")]
    SessionEnded,
    /// There was a first user already.
    #[error("this installation is set up: its first user was made before")]
    AlreadySetUp,
    /// One more would be over a bound.
    #[error("{what}: at most {max}; remove one first")]
    TooMany {
        /// Of what.
        what: String,
        /// The bound.
        max: u64,
    },
}

/// The fewest digits by which a commit's id is taken for one.
const ID_DIGITS_MIN: usize = 7;

/// Says of a name that looks like a part of a commit's id what to do if it was meant for one.
fn if_commit(name: &BranchName) -> &'static str {
    let text = name.as_str();
    let is_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let looks_so = text.len() >= ID_DIGITS_MIN && is_hex && text.contains(|c: char| c.is_ascii_digit());
    if looks_so { "; if it is a commit: commits don't change, name a branch" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_commit_s_id_is_told_from_a_branch() {
        let told = |name: &str| Refusal::BranchNotFound(name.parse().unwrap()).to_string();
        assert_eq!(told("fix"), "branch fix not found");
        assert_eq!(told("deadbeef"), "branch deadbeef not found");
        assert!(told("4c5fe3cb76ad").ends_with("commits don't change, name a branch"));
    }

    #[test]
    fn a_user_is_named_if_a_name_was_asked_for() {
        assert_eq!(Refusal::UserNotFound(Some("ann".parse().unwrap())).to_string(), "user ann not found");
        assert_eq!(Refusal::UserNotFound(None).to_string(), "user not found");
    }
}
