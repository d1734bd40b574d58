//! The newest entries of the log, in memory, for apply and replication. Owns which entries are there; the disk has
//! all durable ones. Invariant: an entry that isn't on disk yet is never dropped.

use std::collections::VecDeque;
use std::ops::Range;

use super::log_record::size_of;
use super::types::{Entry, LogId};

/// How many bytes the tail keeps of entries that are also on disk.
pub(crate) const TAIL_BYTES_MAX: usize = 16 << 20;

/// A gapless run of entries that ends with the log's last.
#[derive(Default)]
pub(crate) struct LogTail {
    entries: VecDeque<Entry>,
    bytes: usize,
    last: Option<LogId>,
    purged: Option<LogId>,
    durable_next: u64,
}

impl LogTail {
    /// The tail of a log that is all on disk.
    pub(crate) fn of_disk(last: Option<LogId>, purged: Option<LogId>) -> Self {
        let durable_next = next_of(last.as_ref().or(purged.as_ref()));
        Self { last, purged, durable_next, ..Self::default() }
    }

    /// The last entry's id, or the last purged one's if none is left.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.last.or(self.purged)
    }

    /// The last purged entry's id.
    pub(crate) fn purged(&self) -> Option<LogId> {
        self.purged
    }

    /// The index after the last entry on disk.
    pub(crate) fn durable_next(&self) -> u64 {
        self.durable_next
    }

    /// Appends an entry that isn't on disk yet.
    pub(crate) fn push(&mut self, entry: Entry) {
        // After a purge beyond the log's end, as by a snapshot, a new run begins.
        if self.entries.back().is_some_and(|last| last.log_id.index + 1 != entry.log_id.index) {
            self.clear();
        }
        self.bytes += size_of(&entry);
        self.last = Some(entry.log_id);
        self.entries.push_back(entry);
    }

    /// Notes that all entries before `next` are on disk, and drops what is too much.
    pub(crate) fn durable_before(&mut self, next: u64) {
        self.durable_next = next;
        while self.bytes > TAIL_BYTES_MAX && self.entries.front().is_some_and(|entry| entry.log_id.index < next) {
            self.pop_front();
        }
    }

    /// Drops the entries after `last`, which becomes the log's last.
    pub(crate) fn truncate_after(&mut self, last: Option<LogId>) {
        let next = next_of(last.as_ref());
        if next >= next_of(self.last.as_ref()) {
            return;
        }
        while self.entries.back().is_some_and(|entry| entry.log_id.index >= next) {
            let entry = self.entries.pop_back().expect("because it was just seen");
            self.bytes -= size_of(&entry);
        }
        self.durable_next = self.durable_next.min(next);
        self.last = last;
    }

    /// Drops the entries up to `upto`, which becomes the last purged.
    pub(crate) fn purge(&mut self, upto: LogId) {
        while self.entries.front().is_some_and(|entry| entry.log_id.index <= upto.index) {
            self.pop_front();
        }
        self.durable_next = self.durable_next.max(upto.index + 1);
        self.purged = self.purged.max(Some(upto));
        if self.last.is_some_and(|last| last.index <= upto.index) {
            self.last = None;
        }
    }

    /// Splits a range of indexes into what must come from disk and the entries that are here.
    pub(crate) fn read(&self, range: Range<u64>) -> (Range<u64>, Vec<Entry>) {
        let end = range.end.min(next_of(self.last().as_ref()));
        let first = self.entries.front().map_or(end, |entry| entry.log_id.index);
        let split = first.clamp(range.start.min(end), end);
        let skip = usize::try_from(split.saturating_sub(first)).unwrap_or(usize::MAX);
        let take = usize::try_from(end - split).unwrap_or(usize::MAX);
        let here = self.entries.iter().skip(skip).take(take).cloned().collect();
        (range.start.min(split)..split, here)
    }

    fn pop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= size_of(&entry);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

/// The index after an id; 0 after none.
pub(crate) fn next_of(id: Option<&LogId>) -> u64 {
    id.map_or(0, |id| id.index + 1)
}

#[cfg(test)]
mod tests {
    use openraft::entry::RaftEntry;

    use super::*;
    use crate::raft::types::CommittedLeader;

    fn id(index: u64) -> LogId {
        LogId::new(CommittedLeader { term: 1, node_id: 1 }, index)
    }

    fn tail(indexes: Range<u64>) -> LogTail {
        let mut tail = LogTail::of_disk(indexes.start.checked_sub(1).map(id), None);
        indexes.for_each(|index| tail.push(Entry::new_blank(id(index))));
        tail
    }

    fn read(tail: &LogTail, range: Range<u64>) -> (Range<u64>, Vec<u64>) {
        let (disk, here) = tail.read(range);
        (disk, here.iter().map(|entry| entry.log_id.index).collect())
    }

    #[test]
    fn reads_are_split_between_disk_and_memory() {
        let tail = tail(5..9);
        assert_eq!(read(&tail, 0..7), (0..5, vec![5, 6]));
        assert_eq!(read(&tail, 6..100), (6..6, vec![6, 7, 8]));
        assert_eq!(read(&tail, 1..3), (1..3, vec![]));
        assert!(read(&tail, 20..30).1.is_empty());
    }

    #[test]
    fn only_durable_entries_are_dropped() {
        let mut tail = tail(0..10);
        tail.bytes = TAIL_BYTES_MAX * 2;
        tail.durable_before(4);
        assert_eq!(read(&tail, 0..10), (0..4, vec![4, 5, 6, 7, 8, 9]));
    }

    #[test]
    fn truncation_and_purge_move_the_ends() {
        let mut tail = tail(0..10);
        tail.durable_before(10);
        tail.truncate_after(Some(id(6)));
        assert_eq!((tail.last(), tail.durable_next()), (Some(id(6)), 7));
        tail.truncate_after(Some(id(8)));
        assert_eq!(tail.last(), Some(id(6)), "nothing is behind the end");
        tail.purge(id(2));
        assert_eq!(read(&tail, 3..7), (3..3, vec![3, 4, 5, 6]));
        tail.purge(id(20));
        assert_eq!((tail.last(), tail.purged()), (Some(id(20)), Some(id(20))));
        assert_eq!(read(&tail, 21..30), (21..21, vec![]));
    }
}
