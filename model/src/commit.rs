//! An immutable snapshot of a repository. Owns the noun; `graveler` encodes and addresses it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CommitId, MetaRangeId, Timestamp};

/// A commit: a tree, its history and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The root of the tree; `None` is the empty tree.
    pub metarange: Option<MetaRangeId>,
    /// None for a repository's first commit, one for a commit, two for a merge (destination first).
    pub parents: Vec<CommitId>,
    /// 1 + the largest generation of its parents; the first commit has 1. Bounds walks over history.
    pub generation: u64,
    /// Who committed.
    pub committer: String,
    /// Why.
    pub message: String,
    /// When.
    pub created_at: Timestamp,
    /// What users attach.
    pub metadata: BTreeMap<String, String>,
}
