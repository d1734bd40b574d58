//! The question about staged values. Owns its shape.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{Branch, BranchName, ObjectPath, RepositoryName, StagedValue, StagingToken};

/// Lists what is staged on a branch, in the order of paths, the newest token winning; tombstones included.
/// → [`super::Answer::Staged`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListStaged {
    /// Where.
    pub repository: RepositoryName,
    /// On which branch.
    pub branch: BranchName,
    /// Which tokens; `None` is all of the branch. Unknown tokens are empty.
    pub tokens: Option<Vec<StagingToken>>,
    /// Paths begin so.
    pub prefix: String,
    /// Paths are this or larger (to skip, pass the first path after what is skipped).
    pub from: String,
    /// How many at most.
    pub amount: usize,
}

/// What [`ListStaged`] finds: a page, and the branch at the same point in time. Between two pages a commit may have been
/// published; the caller sees it by the branch's head and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPage {
    /// The branch.
    pub branch: Branch,
    /// Its staged values.
    pub page: Page<(ObjectPath, StagedValue)>,
}
