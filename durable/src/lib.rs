//! Files and folders that survive a power cut, for all who keep something on this machine's disk. Owns the order of
//! steps. A file that is synced can still be lost with its name: the name is an entry of the folder, and the folder's own
//! name an entry of the next. Invariant: when a call returns, all names that it made are durable.

mod power_cut;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub use power_cut::PowerCut;

/// Makes a folder and those above it that are missing, each with its entry synced before the next is made.
///
/// The entry of the deepest folder that was there is synced too: the process that made it may have ended before it did
/// so. Above that one nothing needs it, since the maker of a folder in it has called this.
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return sync_entry_of_another(path);
    }
    if let Some(parent) = parent(path) {
        make_folder(parent, mode)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        // Somebody else was faster, and may not have synced it yet.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    sync_folder(parent(path).unwrap_or(Path::new(".")))
}

/// Writes a whole file over what is there: a crash leaves the old one or the new one.
pub fn replace_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let temporary = write_aside(path, content, mode)?;
    fs::rename(&temporary, path)?;
    sync_folder(parent(path).unwrap_or(Path::new(".")))
}

/// Writes a whole file unless one is there: of several writers, one wins. → whether this one did
pub fn create_file(path: &Path, content: &[u8], mode: u32) -> io::Result<bool> {
    let temporary = write_aside(path, content, mode)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    let won = match linked {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    sync_folder(parent(path).unwrap_or(Path::new(".")))?;
    Ok(won)
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    sync_open_folder(OwnedFd::from(File::open(path)?))
}

/// Makes the names in an open folder durable.
pub fn sync_open_folder(folder: impl AsFd) -> io::Result<()> {
    let names = power_cut::names_before_sync(&folder);
    rustix::fs::fsync(&folder)?;
    power_cut::are_durable(names);
    Ok(())
}

/// Syncs the entry of a folder that is there. Where its parent is none of ours (another user's, or of a file system that
/// syncs no folders) there is nothing to sync: the maker of the folder did it.
fn sync_entry_of_another(path: &Path) -> io::Result<()> {
    let Some(parent) = parent(path) else { return Ok(()) };
    match sync_folder(parent) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::InvalidInput
                    | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Writes a synced file beside a path, under a name that this process alone uses.
fn write_aside(path: &Path, content: &[u8], mode: u32) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(ErrorKind::InvalidFilename)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // A disk that is full needs the room.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

fn parent(path: &Path) -> Option<&Path> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::PowerCut;

    /// What a power cut leaves of what `steps` do in a folder.
    fn left_after(steps: impl FnOnce(&Path)) -> tempfile::TempDir {
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let power_cut = PowerCut::of(before.path());
        steps(before.path());
        power_cut.happen(after.path()).unwrap();
        after
    }

    #[test]
    fn folders_survive_a_power_cut_with_all_above_them() {
        let left = left_after(|root| make_folder(&root.join("a/b/c"), 0o700).unwrap());
        assert!(left.path().join("a/b/c").is_dir());
        assert_eq!(fs::metadata(left.path().join("a/b")).unwrap().permissions().mode() & 0o777, 0o700);
        let left = left_after(|root| fs::create_dir_all(root.join("a/b/c")).unwrap());
        assert!(!left.path().join("a").exists(), "the simulation forgets what nobody synced");
    }

    #[test]
    fn a_folder_that_was_there_survives_too() {
        // Its maker ended before it could sync the entry.
        let left = left_after(|root| {
            fs::create_dir(root.join("a")).unwrap();
            make_folder(&root.join("a"), 0o700).unwrap();
        });
        assert!(left.path().join("a").is_dir());
        let left = left_after(|root| {
            fs::create_dir(root.join("a")).unwrap();
            make_folder(&root.join("a/b"), 0o700).unwrap();
        });
        assert!(left.path().join("a/b").is_dir());
    }

    #[test]
    fn files_survive_a_power_cut_whole_and_private() {
        let left = left_after(|root| {
            replace_file(&root.join("x"), b"old", 0o600).unwrap();
            replace_file(&root.join("x"), b"new", 0o600).unwrap();
            assert!(create_file(&root.join("y"), b"first", 0o600).unwrap());
            assert!(!create_file(&root.join("y"), b"second", 0o600).unwrap());
        });
        assert_eq!(fs::read(left.path().join("x")).unwrap(), b"new");
        assert_eq!(fs::read(left.path().join("y")).unwrap(), b"first");
        assert_eq!(fs::metadata(left.path().join("x")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(left.path()).unwrap().count(), 2, "no temporary file");
    }

    #[test]
    fn where_a_file_is_in_the_way_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(make_folder(&folder.path().join("file"), 0o700).is_err());
        assert!(make_folder(&folder.path().join("file/b"), 0o700).is_err());
    }
}
