//! From a temporary file to an object. Owns the order of steps: bytes synced, folders made and synced, file linked or
//! renamed, folder synced, acknowledged. Invariant: whatever fails or is dropped before leaves no file.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, OFlags, copy_file_range, linkat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::root::{FILE_MODE, Root, split};
use super::trace::step;
use durable::sync_open_folder;

/// How much one call copies from file to file.
const COPY_BYTES_MAX: usize = 64 << 20;

/// How an object takes its place.
#[derive(Debug, Clone)]
pub(super) enum Publish {
    /// It replaces what is there.
    Overwrite,
    /// Nothing may be there. Of several, exactly one wins: the link is made or it isn't.
    Create,
    /// An object with this ETag must be there. Exact among the updaters of this process; beside other writers of the
    /// same key it may be late, so keys that are updated shall only be created and updated.
    Update(String),
}

/// A file that becomes an object or vanishes.
#[derive(Debug)]
pub(super) struct TempFile {
    root: Arc<Root>,
    file: File,
    name: String,
    /// Whether the name is still to be removed.
    named: bool,
}

impl TempFile {
    pub(super) fn create(root: &Arc<Root>) -> io::Result<Self> {
        step(|| "create".into())?;
        let name = format!("{:032x}", rand::random::<u128>());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(root.temporary()?, name.as_str(), flags, FILE_MODE)?;
        Ok(Self { root: Arc::clone(root), file: file.into(), name, named: true })
    }

    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        step(|| "write".into())?;
        self.file.write_all_at(bytes, offset)
    }

    /// Adds all of another file, in the kernel where it can.
    pub(super) fn append(&self, source: &File) -> io::Result<()> {
        step(|| "write".into())?;
        let (mut from, mut to) = (0, self.file.metadata()?.len());
        loop {
            match copy_file_range(source, Some(&mut from), &self.file, Some(&mut to), COPY_BYTES_MAX) {
                Ok(0) => return Ok(()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                    return copy_through_memory(source, from, &self.file, to);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes the file an object, durably; returns its ETag.
    pub(super) fn publish(mut self, location: &str, how: &Publish) -> io::Result<String> {
        step(|| "sync the file".into())?;
        self.file.sync_all()?;
        let (folder, name) = split(location)?;
        let folder = self.root.durable_folder(folder)?;
        match how {
            Publish::Overwrite => self.rename(&folder, name)?,
            Publish::Create => self.link(&folder, name)?,
            Publish::Update(expected) => self.update(&folder, name, location, expected)?,
        }
        step(|| format!("sync folder of {location}"))?;
        if let Err(error) = sync_open_folder(&folder) {
            if matches!(how, Publish::Create) {
                // Not acknowledged, so not there: a later creator must be able to win.
                unlinkat(&folder, name, AtFlags::empty())?;
            }
            return Err(error);
        }
        Ok(e_tag(&self.file.metadata()?))
    }

    fn rename(&mut self, folder: &OwnedFd, name: &str) -> io::Result<()> {
        step(|| format!("rename to {name}"))?;
        renameat(self.root.temporary()?, self.name.as_str(), folder, name)?;
        self.named = false;
        Ok(())
    }

    fn link(&self, folder: &OwnedFd, name: &str) -> io::Result<()> {
        step(|| format!("link to {name}"))?;
        linkat(self.root.temporary()?, self.name.as_str(), folder, name, AtFlags::empty())?;
        Ok(())
    }

    fn update(&mut self, folder: &OwnedFd, name: &str, location: &str, expected: &str) -> io::Result<()> {
        static UPDATES: Mutex<()> = Mutex::new(());
        let _one_at_a_time = UPDATES.lock().unwrap_or_else(PoisonError::into_inner);
        let there = self.root.open_file(location).and_then(|file| file.metadata());
        match there {
            Ok(metadata) if e_tag(&metadata) == expected => self.rename(folder, name),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if self.named {
            // If this fails, the next start removes it.
            let _ = self.root.temporary().map(|folder| unlinkat(folder, self.name.as_str(), AtFlags::empty()));
        }
    }
}

/// An ETag of a file that is only ever replaced: its inode, age and size.
pub(super) fn e_tag(metadata: &std::fs::Metadata) -> String {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    format!("\"{:x}-{nanos:x}-{:x}\"", metadata.ino(), metadata.len())
}

fn copy_through_memory(source: &File, mut from: u64, target: &File, mut to: u64) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = source.read_at(&mut buffer, from)?;
        if read == 0 {
            return Ok(());
        }
        target.write_all_at(&buffer[..read], to)?;
        from += read as u64;
        to += read as u64;
    }
}
