//! How far the log is known to be acknowledged: a number beside it, written after each synced write and not synced itself,
//! so that it costs next to nothing. Owns the file `acknowledged` in the log's folder. Invariant: what it says was on
//! disk before; so it may say too little, after a power cut, but never too much.
//!
//! It tells a log that lost its end from one whose last record nobody was told of.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const FILE: &str = "acknowledged";

/// The mark, to be moved.
pub(crate) struct LogMark(File);

impl LogMark {
    /// Opens or makes the mark in a log's folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut options = File::options();
        Ok(Self(options.write(true).create(true).truncate(false).mode(0o600).open(folder.join(FILE))?))
    }

    /// Notes that all changes up to this sequence number of the database are on disk.
    ///
    /// A failure leaves the older number, which is as true.
    pub(crate) fn note(&self, sequence: u64) {
        if let Err(error) = self.0.write_all_at(format!("{sequence:020}\n").as_bytes(), 0) {
            tracing::debug!(%error, "the mark of what is acknowledged wasn't moved");
        }
    }
}

/// What the mark in a log's folder says; nothing, if a power cut came before the file system wrote it.
pub(crate) fn read(folder: &Path) -> io::Result<Option<u64>> {
    match std::fs::read(folder.join(FILE)) {
        Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_says_the_last_number_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        let mark = LogMark::open(folder.path()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        mark.note(u64::MAX);
        mark.note(7);
        assert_eq!(read(folder.path()).unwrap(), Some(7));
        LogMark::open(folder.path()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(7));
        std::fs::write(folder.path().join(FILE), [0; 21]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), None, "its page never reached the disk");
    }
}
