//! Power cuts: names that nobody synced are gone, and so are sectors of the write that was under way. What was
//! acknowledged is there, or the node refuses to start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use durable::PowerCut;
use metadata_server::{FaultPoint, Faults, MetadataOptions, MetadataServer, StartError};

use crate::support::{copy_folder, create_branch, create_repository, has_branch, options, start, write_ahead_file};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_one_loses_nothing_that_was_acknowledged() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let power_cut = PowerCut::of(before.path());
    let server = start(&before.path().join("lake/data/metadata")).await;
    create_repository(&*server.store()).await;
    create_branch(&*server.store(), "acknowledged").await.unwrap();
    power_cut.happen(after.path()).unwrap();
    server.shutdown().await;

    let server = start(&after.path().join("lake/data/metadata")).await;
    assert!(has_branch(&*server.store(), "acknowledged").await);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_a_clean_restart_loses_nothing_either() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = before.path().join("metadata");
    let server = start(&folder).await;
    create_repository(&*server.store()).await;
    server.shutdown().await;
    // What an operator removes is made anew.
    fs::remove_dir_all(folder.join("snapshots")).unwrap();
    let power_cut = PowerCut::of(before.path());
    let server = start(&folder).await;
    create_branch(&*server.store(), "acknowledged").await.unwrap();
    power_cut.happen(after.path()).unwrap();
    server.shutdown().await;

    assert!(after.path().join("metadata/snapshots").is_dir());
    let server = start(&after.path().join("metadata")).await;
    assert!(has_branch(&*server.store(), "acknowledged").await);
    server.shutdown().await;
}

/// What a node's disk holds at the moment in which a write is on it and nobody was told.
struct UnderWay {
    folder: tempfile::TempDir,
    /// Where that write begins in the newest write-ahead file.
    begins_at: usize,
}

impl UnderWay {
    async fn new() -> Self {
        let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (armed, begins_at) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let faults = Faults::new({
            let (armed, begins_at) = (armed.clone(), begins_at.clone());
            let (from, to) = (folder.path().to_owned(), copy.path().to_owned());
            move |point| {
                let mut begins_at = begins_at.lock().unwrap();
                match point {
                    _ if !armed.load(Ordering::SeqCst) => Ok(()),
                    FaultPoint::BeforeLogWrite if begins_at.is_none() => {
                        let length = fs::metadata(write_ahead_file(&from)).unwrap().len();
                        *begins_at = Some(usize::try_from(length).unwrap());
                        Ok(())
                    }
                    FaultPoint::AfterLogWrite => {
                        copy_folder(&from, &to);
                        Err(io::Error::other("the power was cut"))
                    }
                    _ => Err(io::Error::other("the power was cut")),
                }
            }
        });
        let server = MetadataServer::start(MetadataOptions { faults, ..options(folder.path()) }).await.unwrap();
        create_repository(&*server.store()).await;
        create_branch(&*server.store(), "acknowledged").await.unwrap();
        armed.store(true, Ordering::SeqCst);
        create_branch(&*server.store(), "under-way").await.unwrap_err();
        server.shutdown().await;
        let begins_at = begins_at.lock().unwrap().unwrap();
        Self { folder: copy, begins_at }
    }

    fn change_log(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let path = write_ahead_file(self.folder.path());
        let mut bytes = fs::read(&path).unwrap();
        assert!(bytes.len() > self.begins_at, "the write is in this file");
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    /// Whether the write under way is there after a start; what was acknowledged must be.
    async fn is_there(&self) -> bool {
        let server = start(self.folder.path()).await;
        assert!(has_branch(&*server.store(), "acknowledged").await);
        let there = has_branch(&*server.store(), "under-way").await;
        create_branch(&*server.store(), "later").await.unwrap();
        server.shutdown().await;
        let server = start(self.folder.path()).await;
        assert!(has_branch(&*server.store(), "later").await);
        server.shutdown().await;
        there
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_under_way_is_cut_off() {
    let node = UnderWay::new().await;
    node.change_log(|bytes| bytes[node.begins_at..].fill(0));
    assert!(!node.is_there().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_got_whole_to_the_disk_may_count() {
    assert!(UnderWay::new().await.is_there().await);
}

/// A copy of a node's folder as a crash leaves it, with 50 acknowledged branches.
async fn crashed_folder() -> tempfile::TempDir {
    let (folder, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = start(folder.path()).await;
    create_repository(&*server.store()).await;
    for number in 0..50 {
        create_branch(&*server.store(), &format!("b-{number}")).await.unwrap();
    }
    copy_folder(folder.path(), crashed.path());
    server.shutdown().await;
    crashed
}

async fn refusal(folder: &Path) -> String {
    let refused = MetadataServer::start(options(folder)).await.err().expect("it must not start");
    assert!(matches!(refused, StartError::Corrupt { .. }), "{refused}");
    refused.to_string()
}

fn zero(path: &PathBuf, range: impl FnOnce(usize) -> std::ops::Range<usize>) {
    let mut bytes = fs::read(path).unwrap();
    let range = range(bytes.len());
    bytes[range].fill(0);
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_write_whose_sectors_are_gone_is_missed() {
    let folder = crashed_folder().await;
    // The last two sectors: some of the last writes, and nothing that comes later.
    zero(&write_ahead_file(folder.path()), |length| (length - 1) / 512 * 512 - 512..length);
    let error = refusal(folder.path()).await;
    assert!(error.contains("the log lost its end"), "{error}");
    assert_eq!(refusal(folder.path()).await, error, "and it stays so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_end_that_is_wholly_gone_is_missed() {
    let folder = crashed_folder().await;
    let path = write_ahead_file(folder.path());
    fs::write(&path, "").unwrap();
    let error = refusal(folder.path()).await;
    assert!(error.contains("the log lost its end"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_sectors_amid_the_log_are_missed() {
    let folder = crashed_folder().await;
    let path = write_ahead_file(folder.path());
    assert!(fs::metadata(&path).unwrap().len() > 6000, "the log goes on behind them");
    zero(&path, |_| 2048..4096);
    let error = refusal(folder.path()).await;
    assert!(error.contains("what was written later is there"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_last_record_of_a_manifest_is_cut_off() {
    let folder = crashed_folder().await;
    for database in ["log", "state/gen-0000000001"] {
        let folder = folder.path().join(database);
        let path = folder.join(fs::read_to_string(folder.join("CURRENT")).unwrap().trim_end());
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, [&bytes[..], &[0; 100]].concat()).unwrap();
    }
    let server = start(folder.path()).await;
    assert!(has_branch(&*server.store(), "b-49").await);
    server.shutdown().await;
}
