//! The data folder. Owns its making, and that nobody else on the machine reads what a server keeps; what lies in it is its
//! users'. Invariant: what a server makes after [`close_to_others`], in whatever crate, is its own user's alone, and the
//! folder survives a power cut.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::Mode;
use rustix::process::umask;

/// The folders in it that a version before this one left open to all.
const ONCE_OPEN: [&str; 3] = ["metadata", "objects", "cache"];

/// Has every file and folder that this process makes from now on be its user's alone: RocksDB, for one, asks nobody.
pub(crate) fn close_to_others() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Makes the data folder, if it isn't there. One that is there stays as it is, since it may be more than ours; its parts
/// are closed to all but its user and group.
pub(crate) fn make(path: &Path) -> Result<()> {
    durable::make_folder(path, 0o700)
        .with_context(|| format!("can't make the data folder {}: choose another with --data-dir", path.display()))?;
    for part in ONCE_OPEN.map(|part| path.join(part)) {
        close(&part).with_context(|| format!("can't close {} to other users", part.display()))?;
    }
    Ok(())
}

fn close(folder: &Path) -> std::io::Result<()> {
    let mode = match fs::metadata(folder) {
        Ok(there) => there.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & 0o007 == 0 { Ok(()) } else { fs::set_permissions(folder, fs::Permissions::from_mode(mode & 0o770)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_folder_is_its_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/data");
        make(&path).unwrap();
        make(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        fs::write(parent.path().join("file"), "").unwrap();
        assert!(make(&parent.path().join("file")).unwrap_err().to_string().contains("--data-dir"));
    }

    #[test]
    fn what_was_open_is_closed_and_what_isn_t_ours_stays() {
        let data = tempfile::tempdir().unwrap();
        for (name, open) in [("metadata", 0o755), ("objects", 0o750), ("others", 0o755)] {
            fs::create_dir(data.path().join(name)).unwrap();
            fs::set_permissions(data.path().join(name), fs::Permissions::from_mode(open)).unwrap();
        }
        make(data.path()).unwrap();
        let modes = ["metadata", "objects", "others"].map(|name| mode(&data.path().join(name)));
        assert_eq!(modes, [0o750, 0o750, 0o755]);
    }
}
