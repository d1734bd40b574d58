//! Trees: sorted ranges of records under metaranges, and deltas over them. Owns how they are cut, read, compared,
//! merged and written; leaves the files' format to [`crate::sstable`], and what a tree belongs to (commits, branches) to
//! the modules above. Invariant: two trees of ours with equal records and no deltas have equal ids, whatever their
//! history; with deltas, and one anchor, equal digests.

pub(crate) mod record;

pub(crate) mod mark;
pub(crate) mod range_info;

pub(crate) mod cache;
pub(crate) mod files;
pub(crate) mod scratch;
pub(crate) mod write_behind;

pub(crate) mod digest;
pub(crate) mod layers;

pub(crate) mod cursor;
pub(crate) mod merged_deltas;
pub(crate) mod records;
mod table_cursor;

pub(crate) mod apply;
pub(crate) mod write;

pub(crate) mod build_bounds;
pub(crate) mod builder;
mod draft;
mod levels;
mod metarange_draft;

mod base_diff;
pub(crate) mod diff;
pub(crate) mod incoming;
pub(crate) mod merge;
pub(crate) mod scope;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use cursor::TreeCursor;
pub(crate) use files::Files;
pub(crate) use records::RecordCursor;
