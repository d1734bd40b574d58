//! What a ref expression comes to. Leaves finding it to `ops::resolve`.

use model::{Branch, CommitId, Repository};

/// What a ref expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Where.
    pub repository: Repository,
    /// The commit; a branch's head.
    pub commit: CommitId,
    /// The branch, if the expression is its bare name (or `name$`): then its view has staged entries over the commit.
    pub branch: Option<Branch>,
}
