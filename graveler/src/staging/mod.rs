//! What isn't committed yet: reading it in pages, and the view of a branch with it.
//! Invariant: a reader sees staged values and the commit under them as they were at one point in time.

mod staged;
mod view;

#[cfg(test)]
mod tests;

pub use staged::SealedTokens;
pub(crate) use staged::{SealedChanges, StagedCursor};
pub(crate) use view::View;
