//! The root folder of a local store: opens under it, makes folders durably, and keeps this process's place for
//! temporary files. Invariants: nothing is opened through a symbolic link or `..`; a folder counts as durable only
//! after this process has synced the entry that names it.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, ResolveFlags, flock, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use tracing::{info, warn};

use super::trace::step;
use crate::paths::{LOCAL_RESERVED, LOCAL_UPLOADS, is_plain};
use durable::{make_folder, sync_open_folder};

/// Where each process has a folder for its temporary files, under [`LOCAL_RESERVED`].
const SESSIONS: &str = "sessions";

/// The file whose lock says that a session's process lives.
const ALIVE: &str = "alive";

/// How many folders are remembered as durable; then memory starts anew.
const DURABLE_FOLDERS_MAX: usize = 1 << 16;

const FOLDER_MODE: Mode = Mode::from_raw_mode(0o750);
pub(super) const FILE_MODE: Mode = Mode::from_raw_mode(0o640);

/// The opened root of a local store.
#[derive(Debug)]
pub(super) struct Root {
    shown: PathBuf,
    folder: OwnedFd,
    access: Access,
    /// Where temporary files are made: begun when the root is opened, or once the disk has room for it.
    session: OnceLock<Session>,
    durable: Mutex<HashSet<String>>,
}

/// What is done to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadOnly,
    ReadAndWrite,
}

/// This process's place for temporary files.
#[derive(Debug)]
struct Session {
    temporary: OwnedFd,
    /// Held, so that nobody takes our temporary files for left-overs.
    _alive: OwnedFd,
}

impl Session {
    /// Makes a place for temporary files, and removes those of processes that are gone.
    fn begin(root: &OwnedFd) -> io::Result<Self> {
        let reserved = subfolder(root, LOCAL_RESERVED)?;
        let sessions = subfolder(&reserved, SESSIONS)?;
        subfolder(&reserved, LOCAL_UPLOADS)?;
        let lock = openat(&reserved, "lock", lock_flags(), FILE_MODE)?;
        flock(&lock, FlockOperation::LockExclusive)?;
        sweep(&sessions)?;
        let name = format!("{:016x}", rand::random::<u64>());
        let temporary = subfolder(&sessions, &name)?;
        let alive = openat(&temporary, ALIVE, lock_flags(), FILE_MODE)?;
        flock(&alive, FlockOperation::LockExclusive)?;
        Ok(Self { temporary, _alive: alive })
    }
}

impl Root {
    /// Opens a folder, making it if need be, and begins a session in it. A disk that is full can still be read.
    pub(super) fn open(path: &FsPath) -> io::Result<Self> {
        make_folder(path, FOLDER_MODE.as_raw_mode())?;
        let root = Self::new(path, File::open(path)?.into(), Access::ReadAndWrite);
        match root.temporary() {
            Err(error) if is_full(&error) => warn!(%error, "objects can be read, but none can be written"),
            begun => drop(begun?),
        }
        Ok(root)
    }

    /// Opens a folder that is there, to read and nothing else: not a file is made or removed in it.
    pub(super) fn open_read_only(path: &FsPath) -> io::Result<Self> {
        let folder: OwnedFd = openat(rustix::fs::CWD, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Self::new(path, folder, Access::ReadOnly))
    }

    fn new(path: &FsPath, folder: OwnedFd, access: Access) -> Self {
        Self { shown: path.to_owned(), folder, access, session: OnceLock::new(), durable: Mutex::default() }
    }

    /// Where temporary files are made.
    pub(super) fn temporary(&self) -> io::Result<&OwnedFd> {
        if self.access == Access::ReadOnly {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if self.session.get().is_none() {
            // Of several that begin one at once, all but the first are left to the next sweep.
            let _another = self.session.set(Session::begin(&self.folder)?);
        }
        Ok(&self.session.get().expect("because it was just set").temporary)
    }

    pub(super) fn shown(&self) -> &FsPath {
        &self.shown
    }

    /// Opens a file for reading; a folder isn't one.
    pub(super) fn open_file(&self, location: &str) -> io::Result<File> {
        let file = File::from(self.open_beneath(location, OFlags::RDONLY | OFlags::NONBLOCK)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Opens a folder; the empty path is the root.
    pub(super) fn open_folder(&self, location: &str) -> io::Result<OwnedFd> {
        let location = if location.is_empty() { "." } else { location };
        self.open_beneath(location, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Opens a folder that must survive a power cut, making what is missing on the way.
    ///
    /// Folders that others made are synced too, unless this process has synced them before: their maker may not have
    /// got so far. The folder of a multipart upload is only opened: once removed it must not come back.
    pub(super) fn durable_folder(&self, location: &str) -> io::Result<OwnedFd> {
        if location.starts_with(LOCAL_RESERVED) {
            return self.open_folder(location);
        }
        if self.is_durable(location) {
            match self.open_folder(location) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        let mut folder = self.folder.try_clone()?;
        let mut end = 0;
        for part in location.split('/') {
            end += part.len();
            folder = self.durable_child(&folder, part, &location[..end])?;
            end += 1;
        }
        Ok(folder)
    }

    fn durable_child(&self, parent: &OwnedFd, name: &str, location: &str) -> io::Result<OwnedFd> {
        let made = match mkdirat(parent, name, FOLDER_MODE) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        if made || !self.is_durable(location) {
            step(|| format!("sync the entry of folder {location}"))?;
            sync_open_folder(parent)?;
            self.remember(location);
        }
        match openat(parent, name, folder_flags(), Mode::empty()) {
            // A link or a file is where a folder should be; neither is followed or replaced.
            Err(Errno::NOTDIR) => Err(Errno::LOOP.into()),
            opened => Ok(opened?),
        }
    }

    fn is_durable(&self, location: &str) -> bool {
        location.is_empty() || self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(location)
    }

    fn remember(&self, location: &str) {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= DURABLE_FOLDERS_MAX {
            durable.clear();
        }
        durable.insert(location.to_owned());
    }

    /// Opens a path without leaving the root or following a link.
    fn open_beneath(&self, location: &str, flags: OFlags) -> io::Result<OwnedFd> {
        if location != "." && !is_plain(location) {
            return Err(Errno::XDEV.into());
        }
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.folder, location, flags, Mode::empty(), resolve) {
            // An old kernel, or a sandbox that doesn't know the call.
            Err(Errno::NOSYS | Errno::PERM) => open_by_parts(&self.folder, location, flags),
            opened => Ok(opened?),
        }
    }
}

/// What openat2 does, part by part.
pub(super) fn open_by_parts(root: &OwnedFd, location: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let (folders, name) = split(location)?;
    let mut folder = root.try_clone()?;
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder = openat(&folder, part, folder_flags(), Mode::empty())?;
    }
    Ok(openat(&folder, name, flags, Mode::empty())?)
}

/// Splits a location into its folder, empty for the root, and its name.
pub(super) fn split(location: &str) -> io::Result<(&str, &str)> {
    if location != "." && !is_plain(location) {
        return Err(Errno::XDEV.into());
    }
    Ok(location.rsplit_once('/').unwrap_or(("", location)))
}

/// Whether an error is for want of room on the disk.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn lock_flags() -> OFlags {
    OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Opens a folder of our own in another, making it if need be. Its entry is synced even if another process made it: a process that ended
/// right after it had made it may not have got so far.
fn subfolder(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    match mkdirat(parent, name, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    sync_open_folder(parent)?;
    Ok(openat(parent, name, folder_flags(), Mode::empty())?)
}

/// Removes the temporary files of processes that are gone. The caller holds the lock under which sessions begin.
fn sweep(sessions: &OwnedFd) -> io::Result<()> {
    for name in names(sessions)? {
        let folder = openat(sessions, name.as_str(), folder_flags(), Mode::empty())?;
        let alive = openat(&folder, ALIVE, lock_flags(), FILE_MODE)?;
        match flock(&alive, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => continue,
            Err(error) => {
                warn!(%error, "left-over temporary files can't be told from those in use: they stay");
                return Ok(());
            }
            Ok(()) => {}
        }
        let files = names(&folder)?;
        // The lock's own file is among them.
        let left = files.len().saturating_sub(1);
        if left > 0 {
            info!(files = left, "removing what a process that ended left half-written");
        }
        for file in files {
            unlinkat(&folder, file, AtFlags::empty())?;
        }
        unlinkat(sessions, name, AtFlags::REMOVEDIR)?;
    }
    Ok(())
}

/// The names in a folder of our own, in no order.
pub(super) fn names(folder: impl AsFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}
