//! The store in a folder: what it refuses, and what a crash leaves.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures::StreamExt;
use model::Address;
use storage::{PutError, StorageError, StoreSettings, Stores};
use tempfile::TempDir;

use crate::suite::{self, USUAL};
use crate::support::{body, bytes, chosen, read, repository};

async fn open(folder: &Path) -> Arc<Stores> {
    Stores::open(&format!("file://{}", folder.display()), &StoreSettings::default()).await.unwrap()
}

/// All files under a folder, but for the locks of processes that live.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("alive") && !path.ends_with("lock") {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_folder_behaves() {
    let folder = TempDir::new().unwrap();
    suite::run(&open(&folder.path().join("made/on/the/way")).await, USUAL).await;
}

#[tokio::test]
async fn uploads_that_end_early_leave_no_file() {
    let folder = TempDir::new().unwrap();
    let storage = repository(&open(folder.path()).await);
    let address = storage.new_address();
    for len in [10, 3_000_000] {
        let broken = crate::support::broken_body(&bytes(len));
        assert!(matches!(storage.put_data(&address, broken, None).await, Err(PutError::Body(_))));
    }
    let endless = body(&bytes(3_000_000)).chain(futures::stream::pending()).boxed();
    let put = storage.put_data(&address, endless, None);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), put).await.is_err());
    // The dropped upload is taken back by a task of its own.
    while !files(folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    let upload = storage.create_multipart(&address).await.unwrap();
    storage.put_part(&address, &upload, 1, body(&bytes(700_000)), None).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    storage.abort_multipart(&address, &upload).await.unwrap();
    assert_eq!(files(folder.path()), Vec::<String>::new());
    let late = storage.put_part(&address, &upload, 2, body(&bytes(10)), None).await.unwrap_err();
    assert!(
        matches!(late, PutError::Storage(StorageError::NotFound { .. })),
        "an upload that ended stays ended: {late}"
    );
}

#[tokio::test]
async fn links_are_never_followed() {
    let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let stores = open(folder.path()).await;
    symlink(outside.path(), folder.path().join("linked")).unwrap();
    let linked = stores.repository(&"local://linked".parse().unwrap()).unwrap();
    let plain = stores.repository(&"local://plain".parse().unwrap()).unwrap();
    let secret = Address::Relative("secret".into());
    let denied = linked.get_data(&secret, 0..1).await.err().unwrap();
    assert!(matches!(denied, StorageError::Denied { .. }), "{denied}");
    let denied = linked.put_data(&linked.new_address(), body(&bytes(1)), None).await.unwrap_err();
    assert!(matches!(denied, PutError::Storage(StorageError::Denied { .. })), "{denied}");
    assert!(linked.read_format().await.is_err());
    assert_eq!(files(outside.path()).len(), 1, "nothing was written through the link");

    // A link in the place of an object.
    std::fs::create_dir_all(folder.path().join("plain/data")).unwrap();
    symlink(outside.path().join("secret"), folder.path().join("plain/data/link")).unwrap();
    let link = Address::Relative("data/link".into());
    assert!(matches!(plain.get_data(&link, 0..1).await.err().unwrap(), StorageError::Denied { .. }));
    plain.put_data(&link, body(&bytes(3)), None).await.unwrap();
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret", "the link was replaced, not followed");
    assert_eq!(read(&plain, &link, 3).await, bytes(3));
}

#[tokio::test]
async fn namespaces_stay_in_the_folder() {
    let folder = TempDir::new().unwrap();
    let stores = open(folder.path()).await;
    for bad in ["local://../x", "local://a/../../x", "local:///etc", "local://."] {
        assert!(bad.parse::<model::StorageNamespace>().is_err(), "{bad}");
    }
    for bad in ["local://.lakebed/uploads", "local://.lakebed", "local://a/_lakebed", "mem://a", "s3://a/b"] {
        let error = stores.repository(&bad.parse().unwrap()).unwrap_err();
        assert!(matches!(error, StorageError::Invalid(_)), "{bad}: {error}");
    }
}

#[tokio::test]
async fn bytes_and_parts_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await;
    let storage = repository(&first);
    let (address, parted) = (storage.new_address(), storage.new_address());
    let whole = bytes(1_000_000);
    storage.put_data(&address, body(&whole), None).await.unwrap();
    let upload = storage.create_multipart(&parted).await.unwrap();
    let part = storage.put_part(&parted, &upload, 4, body(&whole), None).await.unwrap();
    let namespace = storage.namespace().clone();
    drop((storage, first));
    let storage = open(folder.path()).await.repository(&namespace).unwrap();
    assert_eq!(read(&storage, &address, whole.len()).await, whole);
    storage.complete_multipart(&parted, &upload, &[chosen(4, &part)]).await.unwrap();
    assert_eq!(read(&storage, &parted, whole.len()).await, whole);
}

/// The child of the next test: puts an object, says so, and then puts one that never ends.
#[tokio::test]
async fn child_that_is_killed_in_the_middle_of_a_put() {
    let Ok(folder) = std::env::var("LAKEBED_TEST_CHILD_FOLDER") else { return };
    let storage = open(Path::new(&folder)).await.repository(&"local://trips".parse().unwrap()).unwrap();
    let whole = Address::Relative("data/p/whole".into());
    storage.put_data(&whole, body(&bytes(2_000_000)), None).await.unwrap();
    let said = std::sync::atomic::AtomicBool::new(false);
    let endless = body(&bytes(2_000_000)).chain(futures::stream::poll_fn(move |_| {
        if !said.swap(true, std::sync::atomic::Ordering::Relaxed) {
            println!("IN THE MIDDLE");
        }
        std::task::Poll::Pending
    }));
    storage.put_data(&Address::Relative("data/p/half".into()), endless.boxed(), None).await.unwrap();
}

#[tokio::test]
async fn a_killed_put_leaves_nothing_visible_and_the_next_start_cleans_up() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["local::child_that_is_killed_in_the_middle_of_a_put", "--exact", "--nocapture"])
        .env("LAKEBED_TEST_CHILD_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let middle = std::io::BufRead::lines(stdout).any(|line| line.unwrap().contains("IN THE MIDDLE"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(middle, "the child ended early");
    assert_eq!(files(folder.path()).len(), 2, "one object, one temporary file");

    let storage = open(folder.path()).await.repository(&"local://trips".parse().unwrap()).unwrap();
    assert_eq!(files(folder.path()).len(), 1, "the temporary file is gone");
    assert_eq!(read(&storage, &Address::Relative("data/p/whole".into()), 2_000_000).await, bytes(2_000_000));
    let half = storage.get_data(&Address::Relative("data/p/half".into()), 0..1).await.err().unwrap();
    assert!(matches!(half, StorageError::NotFound { .. }), "{half}");
}

#[tokio::test]
async fn a_second_process_leaves_the_first_ones_files_alone() {
    let folder = TempDir::new().unwrap();
    let storage = repository(&open(folder.path()).await);
    let address = storage.new_address();
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let whole = bytes(1_000_000);
    let rest = futures::stream::once(async move {
        receiver.await.unwrap();
        Ok(bytes::Bytes::from_static(b"the end"))
    });
    let slow = body(&whole).chain(rest).boxed();
    let put = {
        let (storage, address) = (storage.clone(), address.clone());
        tokio::spawn(async move { storage.put_data(&address, slow, None).await })
    };
    while files(folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    let _second = open(folder.path()).await;
    assert_eq!(files(folder.path()).len(), 1);
    sender.send(()).unwrap();
    assert_eq!(put.await.unwrap().unwrap().size, 1_000_007);
    assert!(read(&storage, &address, 1_000_007).await.ends_with(b"the end"));
}

#[tokio::test]
async fn a_reader_who_pauses_gets_everything_and_holds_no_thread() {
    let folder = TempDir::new().unwrap();
    let storage = repository(&open(folder.path()).await);
    let address = storage.new_address();
    let whole = bytes(4_000_000);
    storage.put_data(&address, body(&whole), None).await.unwrap();
    // More readers who pause than the runtime has threads that may block, and then a write.
    let mut readers = Vec::new();
    for _ in 0..600 {
        let mut reader = storage.get_data(&address, 0..whole.len() as u64).await.unwrap();
        let first = reader.next().await.unwrap().unwrap();
        readers.push((reader, first));
    }
    storage.put_data(&storage.new_address(), body(&bytes(300_000)), None).await.unwrap();
    for (reader, first) in readers.into_iter().step_by(50) {
        let rest = crate::support::collect(reader).await.unwrap();
        assert_eq!([first, rest].concat(), whole);
    }
}
