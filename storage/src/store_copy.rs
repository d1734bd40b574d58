//! Whether an object store is a copy of the one that an installation marked: a replica, a restored backup, another bucket
//! that everything was synced to. A copy has the marker too, but its store wrote it later. Owns the note of when the marker
//! was written, `_lakebed/store-written.json`; leaves what is done about a copy to who serves.
//! Invariant: the note of a marker is written once, by the first who asks.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use model::StoreId;
use object_store::{GetResult, PutMode};
use serde::{Deserialize, Serialize};

use crate::{Scheme, StorageError, Stores, paths};

/// When the marker of a store was written.
#[derive(Serialize, Deserialize)]
struct Note {
    store: StoreId,
    /// As [`written`] has it.
    written: String,
}

/// When a local store made an object's file, as the file system tells: copies of a file are younger, whatever times of it
/// they preserve. Among an answer's extensions.
#[derive(Clone, Copy)]
pub(crate) struct FileMade(pub(crate) SystemTime);

/// When the store wrote an object, as a text to compare; nothing if it doesn't tell.
///
/// Google's time of change is younger after a lifecycle rule has moved an object to another storage class; its generation
/// isn't.
pub(crate) fn written(scheme: Scheme, found: &GetResult) -> Option<String> {
    let time = match scheme {
        Scheme::Gcs => return found.meta.version.clone(),
        Scheme::Local => found.extensions.get::<FileMade>()?.0.into(),
        Scheme::S3 | Scheme::Azure | Scheme::Memory => found.meta.last_modified,
    };
    Some(DateTime::<Utc>::to_rfc3339_opts(&time, SecondsFormat::Millis, true))
}

impl Stores {
    /// Returns whether the store's marker came here with a copy, as far as the store can tell.
    ///
    /// The first call for a marker notes beside it when it was written. What preserves that time isn't told from the
    /// original: S3's replication, a snapshot of a volume. Neither is a copy from before that call.
    pub async fn is_copy(&self) -> Result<bool, StorageError> {
        let Some(marker) = self.read_marker().await? else { return Ok(false) };
        let Some(written) = marker.written else { return Ok(false) };
        let (path, store) = (paths::store_written(self.prefix()), marker.content.store);
        match self.read_file::<Note>(&path).await? {
            Some(note) if note.content.store == store => Ok(note.content.written != written),
            // None yet, or that of a marker before a takeover.
            _ => {
                let put = self.put_file(&path, Note { store, written }, PutMode::Overwrite).await;
                put.map_err(|e| self.marker_error(e, &path))?;
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests;
