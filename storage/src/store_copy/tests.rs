//! Each scheme's way to tell a copy, over folders and memory.

use std::sync::Arc;

use bytes::Bytes;
use model::InstallationId;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::testing::copy_store;
use crate::{StoreMarker, StoreSettings};

const MARKER: StoreMarker = StoreMarker { store: StoreId(1), installation: InstallationId(2) };

#[tokio::test]
async fn a_copied_folder_is_told_though_it_keeps_the_times() {
    let home = tempfile::tempdir().unwrap();
    let open = async |name: &str| {
        let url = format!("file://{}", home.path().join(name).display());
        Stores::open(&url, &StoreSettings::default()).await.unwrap()
    };
    let original = open("original").await;
    assert!(!original.is_copy().await.unwrap(), "it has no marker yet");
    original.create_marker(MARKER).await.unwrap();
    copy_store(&home.path().join("original"), &home.path().join("unnoted"));
    assert!(!original.is_copy().await.unwrap());
    copy_store(&home.path().join("original"), &home.path().join("copy"));
    let copy = open("copy").await;
    assert!(copy.is_copy().await.unwrap() && copy.is_copy().await.unwrap());
    assert!(!open("original").await.is_copy().await.unwrap());
    assert!(!open("unnoted").await.is_copy().await.unwrap(), "nothing shows it");

    // Moved within the file system, it is what it was.
    std::fs::rename(home.path().join("original"), home.path().join("moved")).unwrap();
    assert!(!open("moved").await.is_copy().await.unwrap());

    copy.replace_marker(StoreMarker { store: StoreId(3), ..MARKER }).await.unwrap();
    assert!(!copy.is_copy().await.unwrap() && !copy.is_copy().await.unwrap(), "the note is the new marker's");
}

#[tokio::test]
async fn a_note_that_can_t_be_read_is_refused() {
    let memory = Arc::new(InMemory::new());
    let stores = Stores::with_store(memory.clone(), memory.clone(), Scheme::S3);
    stores.create_marker(MARKER).await.unwrap();
    memory.put(&paths::store_written(stores.prefix()), "{}".into()).await.unwrap();
    assert!(matches!(stores.is_copy().await, Err(StorageError::Corrupt { .. })));
}

/// What is in the store, in another that it was copied to later.
async fn copied(from: &InMemory) -> Arc<InMemory> {
    let paths = [paths::store_marker(&Path::ROOT), paths::store_written(&Path::ROOT)];
    let copy = Arc::new(InMemory::new());
    for path in paths {
        let Ok(found) = from.get(&path).await else { continue };
        let modified = found.meta.last_modified.timestamp_millis();
        let bytes: Bytes = found.bytes().await.unwrap();
        loop {
            copy.put(&path, PutPayload::from_bytes(bytes.clone())).await.unwrap();
            if copy.head(&path).await.unwrap().last_modified.timestamp_millis() != modified {
                break;
            }
        }
    }
    copy
}

#[tokio::test]
async fn a_copied_bucket_is_told_by_when_its_objects_were_written() {
    for (scheme, told) in [(Scheme::S3, true), (Scheme::Azure, true), (Scheme::Gcs, false)] {
        let memory = Arc::new(InMemory::new());
        let original = Stores::with_store(memory.clone(), memory.clone(), scheme);
        original.create_marker(MARKER).await.unwrap();
        assert!(!original.is_copy().await.unwrap() && !original.is_copy().await.unwrap());
        let copy = copied(&memory).await;
        let copy = Stores::with_store(copy.clone(), copy, scheme);
        // The generation tells, and memory has none.
        assert_eq!(copy.is_copy().await.unwrap(), told, "{scheme:?}");
    }
}

#[tokio::test]
async fn of_google_s_answers_the_generation_is_compared() {
    let memory = InMemory::new();
    let path = paths::store_marker(&Path::ROOT);
    memory.put(&path, "{}".into()).await.unwrap();
    let answer = async |generation: &str, last_modified: i64| {
        let mut found = memory.get(&path).await.unwrap();
        found.meta.version = Some(generation.to_owned());
        found.meta.last_modified = DateTime::from_timestamp(last_modified, 0).unwrap();
        written(Scheme::Gcs, &found)
    };
    assert_eq!(answer("7", 1).await, answer("7", 2).await, "another storage class");
    assert_ne!(answer("7", 1).await, answer("8", 1).await, "another object");
}
