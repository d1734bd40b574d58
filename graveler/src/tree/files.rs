//! A repository's immutable files, and the caches before them. Owns where a file is read and written: in the store, in
//! memory until it is stored, or aside. `tables` opens a file, `blocks` reads what it holds, `lookup` finds keys in trees,
//! `errors` says what is wrong with a file; [`super::cache`] owns the bounds.
//! Invariant: bytes are checked before they are used or kept.

mod blocks;
mod errors;
mod lookup;
mod tables;

use std::sync::Arc;

use bytes::Bytes;
use model::{CommitId, StorageNamespace};
use storage::{Immutable, RepositoryStorage, Stores};

use super::cache::{Caches, Space};
use super::scratch::Scratch;
use super::write_behind::WriteBehind;
use crate::{Error, Progress};

pub(crate) use blocks::Stored;
pub(crate) use lookup::Found;
pub(super) use tables::COPY_FETCH_BYTES;
pub(crate) use tables::Table;

/// A repository's files, and the caches before them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Files {
    storage: RepositoryStorage,
    space: Space,
    pub(crate) caches: Arc<Caches>,
    /// Through which files are written and read that aren't stored yet.
    behind: Option<Arc<WriteBehind>>,
    aside: Aside,
    /// Of whose work this is.
    pub(crate) progress: Progress,
}

/// How files in memory alone are used.
#[derive(Clone)]
enum Aside {
    No,
    Reads(Arc<Scratch>),
    /// What is written goes there, too.
    Writes(Arc<Scratch>),
}

impl Files {
    /// Opens the files of a repository's namespace.
    pub(crate) fn open(
        stores: &Arc<Stores>,
        caches: &Arc<Caches>,
        namespace: &StorageNamespace,
    ) -> Result<Self, Error> {
        let (storage, space) = match caches.storage(namespace) {
            Some(open) => open,
            None => caches.keep_storage(namespace.clone(), stores.repository(namespace)?),
        };
        Ok(Self {
            storage,
            space,
            caches: Arc::clone(caches),
            behind: None,
            aside: Aside::No,
            progress: Progress::default(),
        })
    }

    /// The same files, written after the work.
    pub(crate) fn behind(self, behind: Arc<WriteBehind>) -> Self {
        Self { behind: Some(behind), ..self }
    }

    /// The same files; what is written counts as progress.
    pub(crate) fn counting(&self, progress: &Progress) -> Self {
        Self { progress: progress.clone(), ..self.clone() }
    }

    /// The same files and those of `scratch`, where what is written goes and is no progress.
    pub(crate) fn writing_aside(&self, scratch: &Arc<Scratch>) -> Self {
        Self { aside: Aside::Writes(Arc::clone(scratch)), progress: Progress::default(), ..self.clone() }
    }

    /// The same files and those of `scratch`; what is written is stored.
    pub(crate) fn reading_aside(&self, scratch: &Arc<Scratch>) -> Self {
        Self { aside: Aside::Reads(Arc::clone(scratch)), ..self.clone() }
    }

    fn scratch(&self) -> Option<&Arc<Scratch>> {
        match &self.aside {
            Aside::No => None,
            Aside::Reads(scratch) | Aside::Writes(scratch) => Some(scratch),
        }
    }

    /// Whether a file is in memory alone, so that no tree that is stored may refer to it.
    pub(crate) fn is_aside(&self, object: &Immutable) -> bool {
        self.scratch().is_some_and(|scratch| scratch.has(object))
    }

    fn space_of(&self, object: &Immutable) -> Space {
        self.scratch().filter(|scratch| scratch.has(object)).map_or(self.space, |scratch| scratch.space)
    }

    pub(crate) fn storage(&self) -> &RepositoryStorage {
        &self.storage
    }

    /// Writes a file under its content id.
    pub(crate) async fn put(&self, object: Immutable, bytes: Bytes) -> Result<(), Error> {
        if let Aside::Writes(scratch) = &self.aside
            && scratch.hold(&self.caches.builds, object, &bytes)
        {
            return Ok(());
        }
        self.progress.add_bytes(bytes.len() as u64);
        match &self.behind {
            Some(behind) => behind.put(&self.storage, object, bytes).await,
            None => Ok(self.storage.put(&object, bytes).await?),
        }
    }

    /// Reads a whole file.
    pub(crate) async fn get(&self, object: Immutable) -> Result<Bytes, Error> {
        match self.held(self.space, &object) {
            Some(bytes) => Ok(bytes),
            None => self.storage.get(&object).await.map_err(|e| self.read_error(object, e)),
        }
    }

    /// A file's bytes, if they are in memory.
    fn held(&self, space: Space, object: &Immutable) -> Option<Bytes> {
        match self.scratch().filter(|scratch| scratch.space == space) {
            Some(scratch) => scratch.get(object),
            None => self.behind.as_ref().and_then(|behind| behind.held(object)),
        }
    }

    pub(crate) fn commit_key(&self, id: CommitId) -> (Space, CommitId) {
        (self.space, id)
    }
}
