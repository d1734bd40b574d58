//! What can be wrong with a table. Owns the error; the caller adds the file's name.

use thiserror::Error;

/// Why bytes aren't a table that we read, or can't become one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SstError {
    /// The bytes are damaged, cut short or not a table: the operator's to look into.
    #[error("corrupt table: {0}")]
    Corrupt(String),
    /// A sound table with a feature that Lakebed doesn't read.
    #[error("unsupported table: {0}")]
    Unsupported(String),
    /// The caller broke the writer's rules (order of keys, raw blocks only at a cut, …): a bug.
    #[error("table can't be written: {0}")]
    Misuse(String),
    /// A key or value is larger than a table may hold.
    #[error("{what} of {bytes} bytes is larger than the {max} that a table may hold")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
}

impl SstError {
    pub(super) fn corrupt(why: impl Into<String>) -> Self {
        Self::Corrupt(why.into())
    }

    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
