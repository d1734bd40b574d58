//! Where a page of a log ended. Owns the text that a client hands back; leaves its meaning to `walk`.
//! Invariant: a cursor's text parses back to the same cursor, and is short.

use std::fmt;
use std::str::FromStr;

use model::{CommitId, InvalidId};

/// Where a page of a log ended; its text is opaque to clients, but the id of a commit is one too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCursor {
    /// The last commit that was looked at.
    pub(crate) after: CommitId,
    /// The commits that come next, each with what it leads to; empty if the log must be walked again up to `after`.
    pub(crate) frontier: Vec<CommitId>,
}

impl LogCursor {
    /// More commits at the frontier of a walk aren't written down: the text would be too long.
    pub(crate) const FRONTIER_MAX: usize = 32;
}

impl From<CommitId> for LogCursor {
    fn from(after: CommitId) -> Self {
        Self { after, frontier: Vec::new() }
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.after)?;
        self.frontier.iter().try_for_each(|id| write!(f, ".{id}"))
    }
}

impl FromStr for LogCursor {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut ids = text.splitn(Self::FRONTIER_MAX + 1, '.').map(str::parse);
        let after = ids.next().unwrap_or_else(|| "".parse())?;
        Ok(Self { after, frontier: ids.collect::<Result<_, _>>()? })
    }
}
