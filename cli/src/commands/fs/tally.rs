//! What an upload or download has done so far, counted by all its transfers, and how that is told.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::output::count;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

/// Counts of files and bytes.
#[derive(Debug)]
pub(super) struct Tally {
    way: Way,
    dry_run: bool,
    sent: AtomicU64,
    bytes: AtomicU64,
    skipped: AtomicU64,
    deleted: AtomicU64,
    kept: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    pub(super) fn new(way: Way, dry_run: bool) -> Self {
        let [sent, bytes, skipped, deleted, kept, failed] = Default::default();
        Self { way, dry_run, sent, bytes, skipped, deleted, kept, failed }
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn skipped(&self, files: u64) {
        self.skipped.fetch_add(files, Ordering::Relaxed);
    }

    pub(super) fn deleted(&self, number: usize) {
        self.deleted.fetch_add(number as u64, Ordering::Relaxed);
    }

    /// Counts what was to be deleted and stays.
    pub(super) fn kept(&self, number: usize) {
        self.kept.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, number: usize) {
        self.failed.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(super) fn json(&self) -> Value {
        let [sent, bytes, skipped, deleted, kept, failed] = self.counts();
        let sent_name = match self.way {
            Way::Up => "uploaded",
            Way::Down => "downloaded",
        };
        json!({
            sent_name: sent,
            "bytes": bytes,
            "skipped": skipped,
            "deleted": deleted,
            "kept": kept,
            "failed": failed,
            "dry_run": self.dry_run,
        })
    }

    /// One line; what is zero is left out of it.
    pub(super) fn text(&self) -> String {
        let [sent, bytes, skipped, deleted, kept, failed] = self.counts();
        let sent_word = match (self.dry_run, self.way) {
            (false, Way::Up) => "Uploaded",
            (false, Way::Down) => "Downloaded",
            (true, Way::Up) => "Would upload",
            (true, Way::Down) => "Would download",
        };
        let deleted_word = if self.dry_run { "would delete" } else { "deleted" };
        let mut text = format!("{sent_word} {}, {}", count(sent, "file"), count(bytes, "byte"));
        for (number, told) in [
            (skipped, format!("{skipped} unchanged")),
            (deleted, format!("{deleted_word} {deleted}")),
            (kept, format!("kept {kept}")),
            (failed, format!("{failed} failed")),
        ] {
            if number > 0 {
                text = format!("{text}; {told}");
            }
        }
        text
    }

    fn counts(&self) -> [u64; 6] {
        [&self.sent, &self.bytes, &self.skipped, &self.deleted, &self.kept, &self.failed]
            .map(|count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_zero_is_not_told() {
        let tally = Tally::new(Way::Up, false);
        tally.sent(5);
        assert_eq!(tally.text(), "Uploaded 1 file, 5 bytes");
        tally.skipped(2);
        tally.deleted(3);
        tally.kept(4);
        tally.failed(1);
        assert_eq!(tally.text(), "Uploaded 1 file, 5 bytes; 2 unchanged; deleted 3; kept 4; 1 failed");
        assert_eq!(tally.json()["uploaded"], 1);
        let dry = Tally::new(Way::Down, true);
        dry.deleted(1);
        assert_eq!(dry.text(), "Would download 0 files, 0 bytes; would delete 1");
    }
}
