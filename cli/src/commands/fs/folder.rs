//! The files under a folder of this machine. Owns which of them count, and under which names: symbolic links to files are
//! followed; those to folders, and what isn't a file, are left out with a word. Invariant: what can't be read or named is
//! told, and never looks as if it weren't there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirEntry, Metadata};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::compare::FileFacts;
use super::unfinished;
use crate::output::{Notes, shown_path};

/// What is under a folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Each file by its path in the folder, with slashes.
    pub(super) files: BTreeMap<String, FileFacts>,
    /// The folders in it, and it, with a slash after each name; its own is empty.
    folders: BTreeSet<String>,
    /// What is there and was left out.
    left_out: BTreeSet<String>,
    notes: Notes,
    /// Whether what downloads left that were killed is removed.
    tidies: bool,
    /// What couldn't be read or named.
    pub(super) failed: Vec<anyhow::Error>,
}

impl Folder {
    /// Reads a folder and all in it; the folder itself has to be readable.
    pub(super) async fn read(path: &Path) -> Result<Self> {
        Self::read_by(path, Self::default()).await
    }

    /// As [`Folder::read`]; what downloads left in it that were killed is removed.
    pub(super) async fn read_and_tidy(path: &Path) -> Result<Self> {
        Self::read_by(path, Self { tidies: true, ..Self::default() }).await
    }

    async fn read_by(path: &Path, found: Self) -> Result<Self> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || found.walk(&path)).await?
    }

    fn walk(self, root: &Path) -> Result<Self> {
        let mut found = self;
        let mut waiting = vec![(root.to_owned(), String::new())];
        while let Some((path, name)) = waiting.pop() {
            let entries = std::fs::read_dir(&path).with_context(|| format!("can't read {}", shown_path(&path)));
            let entries = match entries {
                Err(error) if !name.is_empty() => {
                    found.failed.push(error);
                    continue;
                }
                entries => entries?,
            };
            for entry in entries {
                let entry = entry.with_context(|| format!("can't read {}", shown_path(&path)));
                match entry.and_then(|entry| found.add(&entry, &name)) {
                    Ok(folder) => waiting.extend(folder),
                    Err(error) => found.failed.push(error),
                }
            }
            found.folders.insert(name);
        }
        std::mem::take(&mut found.notes).end();
        Ok(found)
    }

    /// Adds what is at an entry, or says which folder is to be read.
    fn add(&mut self, entry: &DirEntry, folder: &str) -> Result<Option<(PathBuf, String)>> {
        let path = entry.path();
        let context = || format!("can't read {}", shown_path(&path));
        let name = entry.file_name();
        let name = name.to_str().with_context(|| format!("{} isn't UTF-8: give it another name", shown_path(&path)))?;
        let unfinished = unfinished::is_named_so(name);
        let name = format!("{folder}{name}");
        if entry.file_type().with_context(context)?.is_dir() {
            return Ok(Some((path, format!("{name}/"))));
        }
        if unfinished && self.tidies && unfinished::remove_abandoned(&path, &mut self.notes) {
            return Ok(None);
        }
        let metadata = std::fs::metadata(&path).with_context(context)?;
        match Self::why_left_out(&metadata, unfinished) {
            Some(why) => {
                self.notes.add(&format!("left out: {} {why}", shown_path(&path)));
                self.left_out.insert(name);
            }
            None => drop(self.files.insert(name, FileFacts::of(&metadata).with_context(context)?)),
        }
        Ok(None)
    }

    fn why_left_out(metadata: &Metadata, unfinished: bool) -> Option<&'static str> {
        match (metadata.is_file(), metadata.is_dir()) {
            (true, _) if unfinished => {
                Some("is an unfinished download: the same download again goes on and removes it")
            }
            (true, _) => None,
            (_, true) => Some("links to a folder"),
            _ => Some("isn't a file"),
        }
    }

    /// Returns whether something is here under a name that no file has: a folder, for its marker, or what was left out.
    pub(super) fn has_otherwise(&self, name: &str) -> bool {
        let above = name.match_indices('/').map(|(slash, _)| &name[..slash]);
        self.folders.contains(name) || above.chain([name]).any(|name| self.left_out.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_file_is_left_out_and_what_has_no_name_fails() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("deep/empty")).unwrap();
        for name in ["b", "deep/a", ".lakebed-download-x1"] {
            std::fs::write(at(name), "text").unwrap();
        }
        symlink(at("b"), at("link")).unwrap();
        symlink(at("deep"), at("loop")).unwrap();
        symlink(at("nothing"), at("broken")).unwrap();
        std::fs::write(root.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        let found = Folder::default().walk(root.path()).unwrap();
        assert_eq!(found.files.keys().collect::<Vec<_>>(), ["b", "deep/a", "link"]);
        let told = found.failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(found.failed.len() == 2 && told.contains("broken") && told.contains("UTF-8"), "{told}");
        for there in ["", "deep/", "deep/empty/", "loop", "loop/a", "loop/a/b", ".lakebed-download-x1"] {
            assert!(found.has_otherwise(there), "{there:?}");
        }
        for not in ["b", "deep", "deep/a", "looped", "gone/"] {
            assert!(!found.has_otherwise(not), "{not:?}");
        }
        let tidied = Folder { tidies: true, ..Folder::default() }.walk(root.path()).unwrap();
        assert!(tidied.files == found.files && !tidied.has_otherwise(".lakebed-download-x1"));
        assert!(!at(".lakebed-download-x1").exists(), "no download holds it");
        assert!(Folder::default().walk(&at("nothing")).unwrap_err().to_string().contains("can't read"));
    }
}
