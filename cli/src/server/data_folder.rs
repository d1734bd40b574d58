//! The data folder. Owns its making; what lies in it is its users'. Invariant: a folder that was made here is closed to
//! other users of the machine, since objects and metadata are not theirs to read.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Makes the data folder, if it isn't there.
pub(crate) fn make(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("can't make the data folder {}: choose another with --data-dir", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_its_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/data");
        make(&path).unwrap();
        make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(parent.path().join("file"), "").unwrap();
        assert!(make(&parent.path().join("file")).unwrap_err().to_string().contains("--data-dir"));
    }
}
