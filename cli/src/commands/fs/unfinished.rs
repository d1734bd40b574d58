//! The files that downloads write to before they are whole. Owns their names, and whose they are: a download holds a lock on
//! its own, so that another one removes what a crash or kill -9 left, which nobody holds.
//! Invariant: a file that is being written isn't removed.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::output::{Notes, shown_path};

/// How their names begin.
const PREFIX: &str = ".lakebed-download-";

/// How often a file is made anew that another download took for abandoned before it was locked.
const ATTEMPTS_MAX: u32 = 16;

/// Returns whether a file's name is that of an unfinished download.
pub(super) fn is_named_so(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Makes a file in a folder, and locks it for as long as it is open. It is removed when it is dropped.
pub(super) fn make_in(folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS_MAX {
        // Only tempfile's default is private; the umask takes from this what other new files don't have either.
        let mut temporary = tempfile::Builder::new();
        temporary.prefix(PREFIX).permissions(Permissions::from_mode(0o666));
        let temporary = temporary.tempfile_in(folder)?;
        match temporary.as_file().try_lock() {
            Ok(()) if temporary.as_file().metadata()?.nlink() > 0 => return Ok(temporary),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // A file system without locks: nobody else can take one there either, and so removes nothing.
            Err(TryLockError::Error(_)) => return Ok(temporary),
        }
    }
    Err(io::Error::other("another download removes what this one writes to: try again"))
}

/// Removes what downloads left in a folder that were killed, as far as it can be told and may be removed.
pub(super) fn remove_abandoned_in(folder: &Path, notes: &mut Notes) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_str().is_some_and(is_named_so) {
            remove_abandoned(&entry.path(), notes);
        }
    }
}

/// Removes a file that no download holds. → whether it is gone
pub(super) fn remove_abandoned(file: &Path, notes: &mut Notes) -> bool {
    // Neither is a link followed nor a pipe waited for.
    let is_file = file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    // Open for as long as it takes: its maker sees that it is gone once it has the lock itself.
    let held = File::options().read(true).write(true).open(file);
    let is_gone = is_file && held.is_ok_and(|held| held.try_lock().is_ok() && fs::remove_file(file).is_ok());
    if is_gone {
        notes.add(&format!("removed: {}, which a download left that was killed", shown_path(file)));
    }
    is_gone
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_no_download_holds_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path();
        let at = |name: &str| folder.join(format!("{PREFIX}{name}"));
        let held = make_in(folder).unwrap();
        fs::write(at("left"), "half").unwrap();
        fs::write(root.path().join("mine"), "text").unwrap();
        symlink(root.path().join("mine"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        let mut notes = Notes::default();
        remove_abandoned_in(folder, &mut notes);
        assert!(
            held.path().exists() && at("link").is_symlink() && at("folder").exists() && folder.join("mine").exists()
        );
        assert!(!at("left").exists());
        let (file, path) = held.into_parts();
        let kept = path.keep().unwrap();
        assert!(!remove_abandoned(&kept, &mut notes), "it is open still");
        drop(file);
        assert!(remove_abandoned(&kept, &mut notes) && !kept.exists());
        remove_abandoned_in(&folder.join("nothing"), &mut notes);
    }
}
