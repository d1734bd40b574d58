//! What actions can be called for on. Invariant: the names are lakeFS's.

use std::fmt;
use std::str::FromStr;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Something that happens to a repository.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])* $name,)*
        }

        impl Event {
            /// All events.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in action files.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

events! {
    /// Before a commit's tree is known.
    PrepareCommit = "prepare-commit",
    /// Before a commit is published.
    PreCommit = "pre-commit",
    /// After it was.
    PostCommit = "post-commit",
    /// Before a merge is published.
    PreMerge = "pre-merge",
    /// After it was.
    PostMerge = "post-merge",
    /// Before a branch is made.
    PreCreateBranch = "pre-create-branch",
    /// After it was.
    PostCreateBranch = "post-create-branch",
    /// Before a branch is deleted.
    PreDeleteBranch = "pre-delete-branch",
    /// After it was.
    PostDeleteBranch = "post-delete-branch",
    /// Before a tag is made.
    PreCreateTag = "pre-create-tag",
    /// After it was.
    PostCreateTag = "post-create-tag",
    /// Before a tag is deleted.
    PreDeleteTag = "pre-delete-tag",
    /// After it was.
    PostDeleteTag = "post-delete-tag",
    /// Before a commit's change is taken back.
    PreRevert = "pre-revert",
    /// After it was.
    PostRevert = "post-revert",
    /// Before a commit's change is made again.
    PreCherryPick = "pre-cherry-pick",
    /// After it was.
    PostCherryPick = "post-cherry-pick",
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Event {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|event| event.as_str() == text).copied().ok_or(())
    }
}
