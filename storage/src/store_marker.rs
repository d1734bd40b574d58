//! The marker of an object store: `_lakebed/store.json` says whose it is, so that a server that was given another store,
//! or another metadata service, finds out before it serves. Owns the object's text and how it is written; leaves comparing
//! to who serves. Invariant: of several who mark a store at once, one does.

use bytes::Bytes;
use futures::TryStreamExt;
use model::{InstallationId, StoreId};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::store_copy::written;
use crate::{StorageError, Stores, paths};

/// The version of the marker, and of what lies beside it, that this code writes, and the newest that it reads.
const VERSION: u32 = 1;
/// How many objects of a store without a marker are looked at for signs of use: a page of a listing.
const LOOKED_AT_MAX: usize = 1000;

/// Whose an object store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreMarker {
    /// The store.
    pub store: StoreId,
    /// The installation that it belongs to.
    pub installation: InstallationId,
}

/// The text of a small object in the store's own folder.
#[derive(Serialize, Deserialize)]
struct File<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// What was read of such an object.
pub(crate) struct Found<T> {
    pub(crate) content: T,
    /// When the store wrote it, as far as the store tells.
    pub(crate) written: Option<String>,
}

impl Stores {
    /// The store's marker, if it has one.
    pub async fn marker(&self) -> Result<Option<StoreMarker>, StorageError> {
        Ok(self.read_marker().await?.map(|found| found.content))
    }

    pub(crate) async fn read_marker(&self) -> Result<Option<Found<StoreMarker>>, StorageError> {
        self.read_file(&paths::store_marker(self.prefix())).await
    }

    pub(crate) async fn read_file<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<Found<T>>, StorageError> {
        let found = match self.store.get(path).await {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            found => found.map_err(|e| self.marker_error(e, path))?,
        };
        let written = written(self.scheme(), &found);
        let json = found.bytes().await.map_err(|e| self.marker_error(e, path))?;
        let File { version, content } = serde_json::from_slice(&json)
            .map_err(|error| StorageError::Corrupt { path: self.shown(path), why: error.to_string() })?;
        if version > VERSION {
            let why = format!("its version is {version}, and this software reads up to {VERSION}: use a newer one");
            return Err(StorageError::Corrupt { path: self.shown(path), why });
        }
        Ok(Some(Found { content, written }))
    }

    /// Marks a store that has no marker. → the marker that is there then: this one, or that of who was faster
    pub async fn create_marker(&self, marker: StoreMarker) -> Result<StoreMarker, StorageError> {
        let path = paths::store_marker(self.prefix());
        match self.put_file(&path, marker, PutMode::Create).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {}
            Err(StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) => {
                self.replace_marker(marker).await?;
            }
            Err(error) => return Err(self.marker_error(error, &path)),
        }
        // Read even after it was written: some stores take a condition and ignore it.
        let found = self.marker().await?;
        found.ok_or_else(|| StorageError::NotFound { path: self.shown(&path) })
    }

    /// Marks a store, whatever marker it has.
    pub async fn replace_marker(&self, marker: StoreMarker) -> Result<(), StorageError> {
        let path = paths::store_marker(self.prefix());
        self.put_file(&path, marker, PutMode::Overwrite).await.map_err(|e| self.marker_error(e, &path))
    }

    pub(crate) async fn put_file<T: Serialize>(
        &self,
        path: &Path,
        content: T,
        mode: PutMode,
    ) -> object_store::Result<()> {
        let file = File { version: VERSION, content };
        let mut json = serde_json::to_vec_pretty(&file).expect("because its fields are texts and a number");
        json.push(b'\n');
        self.store.put_opts(path, PutPayload::from_bytes(Bytes::from(json)), PutOptions::from(mode)).await?;
        Ok(())
    }

    /// An object by which one sees that Lakebed has used a store without a marker: releases before there were markers did.
    ///
    /// Looks at the audit log's folder and at the first objects: what lies in a repository's own folder comes before its
    /// data.
    pub async fn sign_of_use(&self) -> Result<Option<String>, StorageError> {
        let audit = paths::audit_folder(self.prefix());
        for (folder, amount) in [(&audit, 1), (self.prefix(), LOOKED_AT_MAX)] {
            let mut listing = self.store.list(Some(folder));
            for _ in 0..amount {
                let Some(meta) = listing.try_next().await.map_err(|e| self.marker_error(e, folder))? else { break };
                if paths::is_reserved(meta.location.as_ref()) {
                    return Ok(Some(self.shown(&meta.location)));
                }
            }
        }
        Ok(None)
    }

    pub(crate) fn marker_error(&self, error: StoreError, path: &Path) -> StorageError {
        StorageError::from_store(error, &self.shown(path))
    }
}
