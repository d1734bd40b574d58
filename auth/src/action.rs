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
    /// See one commit, or the history behind one.
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
    /// See a user, oneself too.
    ReadUser = "auth:ReadUser",
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
