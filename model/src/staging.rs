//! Staged (uncommitted) changes and the conditions under which they are taken. Owns the nouns and the bound on
//! sealed tokens; the state machine judges.

use serde::{Deserialize, Serialize};

use crate::{CommitId, Entry, ObjectPath, RequestId, Timestamp};

/// How many sealed tokens a branch may have: readers look into each.
pub const SEALED_TOKENS_MAX: usize = 8;

/// What is staged at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StagedValue {
    /// An object.
    Entry(Entry),
    /// The object that the commit under may have is deleted.
    Tombstone,
}

/// One change that a writer asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedChange {
    /// Where.
    pub path: ObjectPath,
    /// What.
    pub value: StagedValue,
    /// On what condition.
    pub condition: Option<Condition>,
    /// That it be taken at most once, if it says so.
    pub once: Option<Once>,
}

/// A permission to stage one change, such as to link an address that was given out: it is used up by the change that is
/// taken, and by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    /// Which permission; drawn at random.
    pub id: RequestId,
    /// Until when it is good, by the clock that stamps commands; at most [`Once::LASTING_MS`] ahead.
    pub until: Timestamp,
}

impl Once {
    /// How long a permission is good.
    pub const LASTING_MS: u64 = 24 * 60 * 60 * 1000;
}

/// What must be so at a path, in the branch's view (staged over sealed over committed), for a change to be taken.
///
/// The state machine doesn't read commits: the writer says what it saw committed and in which commit. If nothing is
/// staged at the path and the branch's head is another commit by now, the change is refused with
/// [`StageOutcome::HeadMoved`] and the writer looks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What must be so.
    pub require: Require,
    /// The commit into which the writer looked.
    pub commit: CommitId,
    /// The ETag that the commit has at the path, if it has an object there; with [`Require::Same`], if it has that very entry.
    pub committed_e_tag: Option<String>,
}

/// The two conditions that S3 puts on a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Require {
    /// No object is there (`If-None-Match: *`).
    Absent,
    /// An object with this ETag is there (`If-Match`); `None` is any object (`If-Match: *`).
    Present(Option<String>),
    /// This very entry is there: an equal ETag alone says nothing of its metadata.
    Same(Box<Entry>),
}

/// What became of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageOutcome {
    /// It is staged.
    Staged,
    /// Its condition doesn't hold; nothing changed at its path.
    ConditionFailed,
    /// `If-Match` was asked for and no object is there.
    NotFound,
    /// The commit that the condition speaks of isn't the head any more; look again.
    HeadMoved,
    /// Its permission was used up by another change, or isn't good at this time; nothing changed at its path. The very change
    /// that used it up is [`Self::Staged`] when it is sent again, whatever was written over it meanwhile.
    Spent,
}

/// Which staged changes a reset drops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnstageScope {
    /// All.
    All,
    /// Those whose path begins so.
    Prefix(String),
    /// That of one path.
    Path(ObjectPath),
}
