//! Turns staged changes into immutable commits and merges them.

pub mod sstable;
