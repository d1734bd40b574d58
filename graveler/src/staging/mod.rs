//! What isn't committed yet: reading it in pages, the view of a branch with it, and writing to it in batches.
//! Invariant: a reader sees staged values and the commit under them as they were at one point in time.

mod batcher;
mod staged;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use batcher::{Batcher, Place};
pub(crate) use staged::{SealedChanges, StagedCursor};
pub(crate) use view::View;
