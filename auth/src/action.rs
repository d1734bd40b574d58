//! What a caller wants to do. Owns the list of actions under lakeFS's names, since its policies are to be taken as they
//! are. Invariant: an action's text parses back to the action.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Something that a caller may be allowed to do. `Display` and `FromStr` speak lakeFS's names, such as
        /// `fs:ReadObject`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The action's name in policies.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

actions! {
    /// See which repositories there are.
    ListRepositories = "fs:ListRepositories",
    /// See one repository.
    ReadRepository = "fs:ReadRepository",
    /// Make a repository.
    CreateRepository = "fs:CreateRepository",
    /// Point a new repository at a storage namespace; asked of the namespace, beside `CreateRepository`.
    AttachStorageNamespace = "fs:AttachStorageNamespace",
    /// Forget a repository.
    DeleteRepository = "fs:DeleteRepository",
    /// See which branches there are.
    ListBranches = "fs:ListBranches",
    /// See one branch, its log and what is uncommitted on it.
    ReadBranch = "fs:ReadBranch",
    /// Make a branch.
    CreateBranch = "fs:CreateBranch",
    /// Delete a branch.
    DeleteBranch = "fs:DeleteBranch",
    /// Drop a branch's uncommitted changes.
    RevertBranch = "fs:RevertBranch",
    /// See which tags there are.
    ListTags = "fs:ListTags",
    /// See one tag.
    ReadTag = "fs:ReadTag",
    /// Make a tag.
    CreateTag = "fs:CreateTag",
    /// Delete a tag.
    DeleteTag = "fs:DeleteTag",
    /// See one commit, or the history after one.
    ReadCommit = "fs:ReadCommit",
    /// See commits.
    ListCommits = "fs:ListCommits",
    /// Commit onto a branch, or merge into it.
    CreateCommit = "fs:CreateCommit",
    /// See which objects there are, or how they differ between refs.
    ListObjects = "fs:ListObjects",
    /// Read an object and its metadata.
    ReadObject = "fs:ReadObject",
    /// Write an object.
    WriteObject = "fs:WriteObject",
    /// Import objects from a place; asked of the place, beside `WriteObject` and `CreateCommit`.
    ImportFromStorage = "fs:ImportFromStorage",
    /// Delete an object.
    DeleteObject = "fs:DeleteObject",
    /// See how the server is configured, its version too.
    ReadConfig = "fs:ReadConfig",
    /// Change a repository's own metadata.
    UpdateRepository = "fs:UpdateRepository",
    /// End an import.
    ImportCancel = "fs:ImportCancel",
    /// Write a metarange.
    CreateMetaRange = "fs:CreateMetaRange",
    /// See a user.
    ReadUser = "auth:ReadUser",
    /// Make a user.
    CreateUser = "auth:CreateUser",
    /// Delete a user.
    DeleteUser = "auth:DeleteUser",
    /// See which users there are.
    ListUsers = "auth:ListUsers",
    /// End a user's sessions.
    UpdateUser = "auth:UpdateUser",
    /// See a group.
    ReadGroup = "auth:ReadGroup",
    /// Make a group.
    CreateGroup = "auth:CreateGroup",
    /// Delete a group.
    DeleteGroup = "auth:DeleteGroup",
    /// See which groups there are.
    ListGroups = "auth:ListGroups",
    /// Take a user into a group.
    AddGroupMember = "auth:AddGroupMember",
    /// Take a user out of a group.
    RemoveGroupMember = "auth:RemoveGroupMember",
    /// See a policy.
    ReadPolicy = "auth:ReadPolicy",
    /// Make a policy.
    CreatePolicy = "auth:CreatePolicy",
    /// Give a policy another document.
    UpdatePolicy = "auth:UpdatePolicy",
    /// Delete a policy.
    DeletePolicy = "auth:DeletePolicy",
    /// See which policies there are.
    ListPolicies = "auth:ListPolicies",
    /// Attach a policy to a user or group.
    AttachPolicy = "auth:AttachPolicy",
    /// Detach a policy from a user or group.
    DetachPolicy = "auth:DetachPolicy",
    /// See a user's access key, never its secret.
    ReadCredentials = "auth:ReadCredentials",
    /// Give a user an access key, or a session of one's own.
    CreateCredentials = "auth:CreateCredentials",
    /// Take a user's access key away.
    DeleteCredentials = "auth:DeleteCredentials",
    /// See which access keys a user has.
    ListCredentials = "auth:ListCredentials",
    /// See runs of actions.
    ReadAction = "ci:ReadAction",
    /// Start a run of actions by hand.
    RunAction = "ci:RunAction",
    /// Prepare a collection of garbage.
    PrepareGarbageCollectionCommits = "retention:PrepareGarbageCollectionCommits",
    /// Prepare a collection of what was never committed.
    PrepareGarbageCollectionUncommitted = "retention:PrepareGarbageCollectionUncommitted",
    /// See the rules of collection.
    GetGarbageCollectionRules = "retention:GetGarbageCollectionRules",
    /// Set the rules of collection.
    SetGarbageCollectionRules = "retention:SetGarbageCollectionRules",
    /// See which branches are protected.
    GetBranchProtectionRules = "branches:GetBranchProtectionRules",
    /// Protect branches.
    SetBranchProtectionRules = "branches:SetBranchProtectionRules",
    /// See a pull request.
    ReadPullRequest = "pr:ReadPullRequest",
    /// See which pull requests there are.
    ListPullRequests = "pr:ListPullRequests",
    /// Open or close a pull request.
    WritePullRequest = "pr:WritePullRequest",
}

/// The actions on repositories, and on the server, that show or change nothing of what lies at refs.
const REACHING_NO_REF: &[Action] = &[
    Action::ListRepositories,
    Action::ReadRepository,
    Action::CreateRepository,
    Action::AttachStorageNamespace,
    Action::UpdateRepository,
    Action::ImportFromStorage,
    Action::ReadConfig,
    Action::ReadAction,
    Action::RunAction,
    Action::GetGarbageCollectionRules,
    Action::SetGarbageCollectionRules,
    Action::GetBranchProtectionRules,
    Action::SetBranchProtectionRules,
    Action::ReadPullRequest,
    Action::ListPullRequests,
    Action::WritePullRequest,
];

impl Action {
    /// Whether it changes anything, by its name.
    pub(crate) fn is_change(self) -> bool {
        let name = self.as_str().split_once(':').map_or("", |(_, name)| name);
        !["Read", "List", "Get"].iter().any(|read| name.starts_with(read))
    }

    /// Whether it shows or changes what lies at a repository's refs: then a condition on `Ref` is about it.
    pub(crate) fn reaches_refs(self) -> bool {
        !self.as_str().starts_with("auth:") && !REACHING_NO_REF.contains(&self)
    }

    /// Whether it could give somebody more rights than they have: what a narrowed session never may.
    pub(crate) fn changes_access(self) -> bool {
        self.as_str().strip_prefix("auth:").is_some_and(|name| !name.starts_with("Read") && !name.starts_with("List"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no action.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown action {0:?}: use a name like fs:ReadObject")]
pub struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let named = Self::ALL.iter().find(|action| action.as_str() == text);
        named.copied().ok_or_else(|| UnknownAction(text.chars().take(100).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_parse_back() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(*action));
        }
        assert_eq!(Action::ReadObject.to_string(), "fs:ReadObject");
        assert!("fs:readobject".parse::<Action>().is_err());
    }
}
