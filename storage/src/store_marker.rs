//! The marker of an object store: `_lakebed/store.json` says whose it is, so that a server that was given another store,
//! or another metadata service, finds out before it serves. Owns the object's text and how it is written; leaves comparing
//! to who serves. Invariant: of several who mark a store at once, one does.

use bytes::Bytes;
use futures::TryStreamExt;
use model::{InstallationId, StoreId};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};

use crate::{StorageError, Stores, paths};

/// The version of the marker that this code writes, and the newest that it reads.
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

#[derive(Serialize, Deserialize)]
struct MarkerFile {
    version: u32,
    #[serde(flatten)]
    marker: StoreMarker,
}

impl Stores {
    /// The store's marker, if it has one.
    pub async fn marker(&self) -> Result<Option<StoreMarker>, StorageError> {
        let path = paths::store_marker(self.prefix());
        let found = match self.store.get(&path).await {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            found => found.map_err(|e| self.marker_error(e, &path))?,
        };
        let json = found.bytes().await.map_err(|e| self.marker_error(e, &path))?;
        let file: MarkerFile = serde_json::from_slice(&json)
            .map_err(|error| StorageError::Corrupt { path: self.shown(&path), why: error.to_string() })?;
        if file.version > VERSION {
            let why =
                format!("its version is {}, and this software reads up to {VERSION}: use a newer one", file.version);
            return Err(StorageError::Corrupt { path: self.shown(&path), why });
        }
        Ok(Some(file.marker))
    }

    /// Marks a store that has no marker. → the marker that is there then: this one, or that of who was faster
    pub async fn create_marker(&self, marker: StoreMarker) -> Result<StoreMarker, StorageError> {
        match self.put_marker(marker, PutMode::Create).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {}
            Err(StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) => {
                self.replace_marker(marker).await?;
            }
            Err(error) => return Err(self.marker_error(error, &paths::store_marker(self.prefix()))),
        }
        // Read even after it was written: some stores take a condition and ignore it.
        let found = self.marker().await?;
        found.ok_or_else(|| StorageError::NotFound { path: self.shown(&paths::store_marker(self.prefix())) })
    }

    /// Marks a store, whatever marker it has.
    pub async fn replace_marker(&self, marker: StoreMarker) -> Result<(), StorageError> {
        let put = self.put_marker(marker, PutMode::Overwrite).await;
        put.map_err(|e| self.marker_error(e, &paths::store_marker(self.prefix())))
    }

    async fn put_marker(&self, marker: StoreMarker, mode: PutMode) -> object_store::Result<()> {
        let file = MarkerFile { version: VERSION, marker };
        let mut json = serde_json::to_vec_pretty(&file).expect("because its fields are texts and a number");
        json.push(b'\n');
        let payload = PutPayload::from_bytes(Bytes::from(json));
        self.store.put_opts(&paths::store_marker(self.prefix()), payload, PutOptions::from(mode)).await?;
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

    fn marker_error(&self, error: StoreError, path: &Path) -> StorageError {
        StorageError::from_store(error, &self.shown(path))
    }
}
