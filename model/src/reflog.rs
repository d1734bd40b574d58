//! The reflog: where each branch's head was before it moved, who moved it and why. Owns the nouns; `metadata-server`
//! keeps the records, for as long as each [`Note`] says. Invariant: a note's texts are short, so that records are.

use serde::{Deserialize, Serialize};

use crate::{Branch, BranchName, BranchUid, CommitId, StagingToken, Timestamp};

/// How long a move is remembered if nobody says otherwise.
pub const REFLOG_KEPT_DEFAULT: u64 = 30 * 24 * 60 * 60 * 1000;
/// How many moves of one branch are remembered; older ones are forgotten before their time.
pub const REFLOG_MOVES_MAX: u64 = 1000;

/// What the mover of a branch says of the move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who; at most [`Note::TEXT_BYTES_MAX`].
    pub who: String,
    /// The verb and a line about it, such as `commit: first load`; at most [`Note::TEXT_BYTES_MAX`].
    pub why: String,
    /// For how many milliseconds the move is to be remembered.
    pub kept_ms: u64,
}

impl Note {
    /// How long each text may be.
    pub const TEXT_BYTES_MAX: usize = 200;

    /// Makes a note; texts are taken up to the end of their first line, and cut where they are too long.
    pub fn new(who: &str, why: &str, kept_ms: u64) -> Self {
        Self { who: first_line(who), why: first_line(why), kept_ms }
    }
}

/// Nobody said anything, as in logs of earlier versions.
impl Default for Note {
    fn default() -> Self {
        Self::new("", "", REFLOG_KEPT_DEFAULT)
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line[..line.floor_char_boundary(Note::TEXT_BYTES_MAX)].to_owned()
}

/// One move of a branch's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReflogEntry {
    /// Which branch.
    pub branch: BranchName,
    /// Grows by one from move to move of this name.
    pub number: u64,
    /// Where the head was; `None` if the branch was made.
    pub old: Option<CommitId>,
    /// Where it went; `None` if the branch was deleted.
    pub new: Option<CommitId>,
    /// Who moved it.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// Until when this is remembered.
    pub expires: Timestamp,
    /// What is left of the branch, if this is its deletion.
    pub deleted: Option<DeletedBranch>,
}

/// What is remembered of a deleted branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedBranch {
    /// When it was made.
    pub created_at: Timestamp,
    /// What was uncommitted on it.
    pub uncommitted: Uncommitted,
    /// Which branch it was.
    pub uid: BranchUid,
}

/// What becomes of a deleted branch's uncommitted changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Uncommitted {
    /// It had none.
    Absent,
    /// They come back with the branch.
    Kept {
        /// Where they are, newest first.
        tokens: Vec<StagingToken>,
        /// Until when.
        until: Timestamp,
    },
    /// They are gone for good, or back on the branch.
    Gone,
}

/// A branch that was deleted and is there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeleted {
    /// As it is now.
    pub branch: Branch,
    /// Whether its uncommitted changes came back: all that were kept did.
    pub uncommitted: Uncommitted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_one_short_line() {
        let note = Note::new("ann", "commit: first\nsecond", 7);
        assert_eq!((note.who.as_str(), note.why.as_str()), ("ann", "commit: first"));
        let long = Note::new("", &"é".repeat(150), 7).why;
        assert_eq!(long, "é".repeat(100));
        assert_eq!(Note::new("", &format!("a{}", "é".repeat(150)), 7).why.len(), 199);
    }
}
