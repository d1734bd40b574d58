//! What a check of a repository comes to, as each layer counts and shows it.

use serde::Serialize;

/// What a check has done so far, or came to. Each file counts once, however many others refer to it, and so does each data
/// object, as long as the check remembers it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CheckSummary {
    /// Commits read.
    pub commits: u64,
    /// Metaranges read.
    pub metaranges: u64,
    /// Ranges read.
    pub ranges: u64,
    /// Data objects asked for.
    pub objects: u64,
    /// Of these, sound ones of which the size alone was compared.
    pub objects_by_size: u64,
    /// Of these, sound ones of which the ETag was compared.
    pub objects_by_e_tag: u64,
    /// Of these, sound ones whose bytes were read.
    pub objects_by_bytes: u64,
    /// Data objects that lie where the server doesn't read; nothing is known of them.
    pub objects_elsewhere: u64,
    /// Of both, those that are uncommitted on a branch.
    pub objects_uncommitted: u64,
    /// Bytes of commits, metaranges, ranges and data objects that were read.
    pub bytes_read: u64,
    /// Faults found.
    pub faults: u64,
}
