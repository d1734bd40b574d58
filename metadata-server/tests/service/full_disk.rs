//! A disk that is really full: a small tmpfs. Skipped, visibly, where mounting isn't permitted.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use metadata_server::StateOptions;
use model::{Address, Command, Entry, MetaError, MetaStore, ObjectPath, Outcome, Stage, StagedChange, StagedValue};

use crate::support::{
    copy_folder, create_branch, create_branch_when_up, create_repository, has_branch, options, repository,
};

/// A mounted tmpfs, unmounted when dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    #[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted =
            Process::new("mount").args(["-t", "tmpfs", "-o", &size, "lakebed-test"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            other => {
                eprintln!("SKIPPED: mounting a small tmpfs isn't permitted here: {other:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever a failed test still has open mustn't keep the mount.
        Process::new("umount").arg("-l").arg(self.folder.path()).status().ok();
    }
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut size = 1 << 20;
    let mut ballast = Vec::new();
    while size >= 4096 {
        ballast.resize(size, 0);
        let written = fs::OpenOptions::new().create(true).append(true).open(path).and_then(|mut file| {
            use std::io::Write as _;
            file.write_all(&ballast)
        });
        if written.is_err() {
            size /= 2;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_survived() {
    let Some(disk) = SmallDisk::mount(96) else { return };
    let state = StateOptions { write_buffers_bytes_max: 4 << 20, block_cache_bytes_max: 4 << 20, open_files_max: 64 };
    let node = metadata_server::MetadataOptions { state, ..options(&disk.path().join("data")) };
    let server = metadata_server::MetadataServer::start(node).await.unwrap();
    let store = server.store();
    create_repository(&*store).await;
    create_branch(&*store, "before").await.unwrap();

    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let mut acknowledged = Vec::new();
    let error = loop {
        let path: ObjectPath = format!("object-{}", acknowledged.len()).parse().unwrap();
        match stage(&*store, path.clone()).await {
            Ok(()) => acknowledged.push(path),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 100_000, "the disk never got full");
    };
    assert!(error.to_string().contains("disk is full"), "{error}");

    fs::remove_file(&ballast).unwrap();
    create_branch_when_up(&*store, "after").await;
    assert!(has_branch(&*store, "before").await && has_branch(&*store, "after").await);
    for path in acknowledged {
        let found = store.lookup(&repository(), &"main".parse().unwrap(), Some(&path)).await.unwrap();
        assert!(found.staged.is_some(), "{path} was acknowledged");
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_full_disk_is_one_for_readers() {
    let Some(disk) = SmallDisk::mount(96) else { return };
    let folder = disk.path().join("data");
    let server = crate::support::start(&folder).await;
    let store = server.store();
    create_repository(&*store).await;
    for number in 0..100 {
        create_branch(&*store, &format!("b-{number}")).await.unwrap();
    }
    // What a crash leaves, put where it was.
    let crashed = tempfile::tempdir().unwrap();
    copy_folder(&folder, crashed.path());
    server.shutdown().await;
    fs::remove_dir_all(&folder).unwrap();
    copy_folder(crashed.path(), &folder);
    let ballast = disk.path().join("ballast");
    fill(&ballast);

    let server = crate::support::start(&folder).await;
    let store = server.store();
    assert!(has_branch(&*store, "b-0").await && has_branch(&*store, "b-99").await);
    let error = create_branch(&*store, "refused").await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(error.to_string().contains("disk is full") && !error.to_string().contains("backup"), "{error}");

    fs::remove_file(&ballast).unwrap();
    let reader = tokio::spawn({
        let store = store.clone();
        async move {
            while !has_branch(&*store, "after").await {
                assert!(has_branch(&*store, "b-99").await, "questions are answered while the node is opened");
            }
        }
    });
    create_branch_when_up(&*store, "after").await;
    reader.await.unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_on_a_full_disk_says_so() {
    let Some(disk) = SmallDisk::mount(1) else { return };
    fill(&disk.path().join("ballast"));
    let refused = metadata_server::MetadataServer::start(options(&disk.path().join("data"))).await;
    let error = refused.err().expect("it must not start").to_string();
    assert!(error.contains("the disk is full") && error.contains("free some space"), "{error}");
    assert!(!error.contains("backup"), "{error}");
}

/// Stages an entry of about 32 KiB.
async fn stage(store: &dyn MetaStore, path: ObjectPath) -> Result<(), MetaError> {
    let metadata = [("padding".to_owned(), "x".repeat(32 << 10))].into();
    let entry = Entry {
        address: Address::Relative(format!("data/{path}")),
        size: 1,
        e_tag: "e".into(),
        content_type: String::new(),
        last_modified: model::Timestamp::default(),
        metadata,
        headers: [].into(),
        checksum: None,
        parts: None,
    };
    let change = StagedChange { path, value: StagedValue::Entry(entry), condition: None, once: None };
    let (repository, branch) = (repository(), "main".parse().unwrap());
    let outcome = store.write(Command::Stage(Stage { repository, uid: None, branch, changes: vec![change] })).await?;
    assert!(matches!(outcome, Outcome::Staged(_)), "{outcome:?}");
    Ok(())
}
