//! A power cut, simulated: a copy of a folder that lacks every name that nobody had made durable. Owns the record of the
//! folders that were synced (`durable` tells it); files' own bytes are taken as they are. Costs one load of an atomic
//! where no test asks for it.
//!
//! RocksDB syncs its own files and their names: in a folder that has its `MANIFEST-…` all files are kept.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many simulations run.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// What each folder's sync made durable, of all simulations of the process: paths tell them apart.
static DURABLE: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// A folder whose power will be cut. All that is in it when this begins counts as durable.
#[derive(Debug)]
pub struct PowerCut {
    root: PathBuf,
}

impl PowerCut {
    /// Begins to record which names of a folder, and of those in it, are made durable.
    ///
    /// # Panics
    /// When the folder can't be read.
    pub fn of(root: &Path) -> Self {
        let root = root.canonicalize().expect("because the test made the folder");
        RUNNING.fetch_add(1, Ordering::SeqCst);
        let present = present_in(&root).expect("because the test made the folder");
        durable().get_or_insert_default().extend(present);
        Self { root }
    }

    /// Copies what would be there if the power were cut now.
    ///
    /// Files that another thread removes meanwhile make it begin anew, so call it when nothing but RocksDB is at work.
    pub fn happen(&self, into: &Path) -> io::Result<()> {
        loop {
            match self.copy(&self.root, into) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::remove_dir_all(into)?;
                    fs::create_dir_all(into)?;
                }
                copied => return copied,
            }
        }
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let of_rocksdb = fs::read_dir(from)?
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("MANIFEST-")));
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (path, target) = (entry.path(), to.join(entry.file_name()));
            let is_folder = entry.file_type()?.is_dir();
            let kept = (of_rocksdb && !is_folder) || durable().as_ref().is_some_and(|names| names.contains(&path));
            match (kept, is_folder) {
                (false, _) => {}
                (true, false) => drop(fs::copy(&path, &target)?),
                (true, true) => {
                    fs::create_dir_all(&target)?;
                    fs::set_permissions(&target, entry.metadata()?.permissions())?;
                    self.copy(&path, &target)?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for PowerCut {
    fn drop(&mut self) {
        if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
            durable().take();
        }
    }
}

/// The names in a folder that is about to be synced. Names that come later aren't durable by that.
pub(crate) fn names_before_sync(folder: &impl AsFd) -> Vec<PathBuf> {
    if RUNNING.load(Ordering::Relaxed) == 0 {
        return Vec::new();
    }
    let link = format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd());
    let path = fs::read_link(link).unwrap_or_default();
    let entries = fs::read_dir(path).map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect());
    entries.unwrap_or_default()
}

/// Notes that these names are durable by now.
pub(crate) fn are_durable(names: Vec<PathBuf>) {
    if let (false, Some(durable)) = (names.is_empty(), durable().as_mut()) {
        durable.extend(names);
    }
}

fn present_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            paths.extend(present_in(&entry.path())?);
        }
        paths.push(entry.path());
    }
    Ok(paths)
}

fn durable() -> MutexGuard<'static, Option<HashSet<PathBuf>>> {
    DURABLE.lock().unwrap_or_else(PoisonError::into_inner)
}
