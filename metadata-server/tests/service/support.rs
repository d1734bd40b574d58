//! What the tests share: a node, a repository in it, and branches as the facts that are written and found again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metadata_server::{MetadataOptions, MetadataServer};
use model::{
    BranchName, Command, CommitId, CreateBranch, CreateRepository, MetaError, MetaStore, Note, Outcome, RepositoryName,
    RequestId, SystemClock,
};

/// How long a condition may take to come true on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn options(folder: &Path) -> MetadataOptions {
    MetadataOptions::new(folder, Arc::new(SystemClock))
}

pub(crate) async fn start(folder: &Path) -> MetadataServer {
    MetadataServer::start(options(folder)).await.unwrap()
}

pub(crate) fn repository() -> RepositoryName {
    "trips".parse().unwrap()
}

pub(crate) fn commit(seed: u8) -> CommitId {
    CommitId::from_bytes([seed; 32])
}

pub(crate) async fn create_repository(store: &dyn MetaStore) {
    let command = Command::CreateRepository(CreateRepository {
        request: RequestId(1),
        name: repository(),
        namespace: "mem://trips".parse().unwrap(),
        default_branch: "main".parse().unwrap(),
        commit: Some(commit(1)),
        claim: None,
        note: Note::default(),
    });
    assert!(matches!(store.write(command).await.unwrap(), Outcome::Repository(_)));
}

/// Makes a branch; each name has its own request id.
pub(crate) async fn create_branch(store: &dyn MetaStore, name: &str) -> Result<(), MetaError> {
    let digest: u128 = name.bytes().fold(7, |hash, byte| hash * 131 + u128::from(byte));
    let (repository, branch): (_, BranchName) = (repository(), name.parse().unwrap());
    let command = Command::CreateBranch(CreateBranch {
        request: RequestId(digest),
        repository,
        branch,
        commit: commit(2),
        hidden: false,
        note: Note::default(),
    });
    store.write(command).await?.branch().map(drop).map_err(MetaError::from)
}

pub(crate) async fn has_branch(store: &dyn MetaStore, name: &str) -> bool {
    store.branch(&repository(), &name.parse().unwrap()).await.is_ok()
}

/// Tries until it works; only `Unavailable` may come before.
pub(crate) async fn create_branch_when_up(store: &dyn MetaStore, name: &str) {
    let up = async {
        while let Err(error) = create_branch(store, name).await {
            assert!(error.is_retryable(), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, up).await.expect("the service came up again");
}

/// The log's newest write-ahead file that has something in it.
pub(crate) fn write_ahead_file(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ext| ext == "log")).collect();
    files.retain(|path| fs::metadata(path).unwrap().len() > 0);
    files.sort();
    files.pop().expect("the log has a write-ahead file")
}

/// Copies a folder as a crash would leave it: what was handed to the file system. RocksDB removes files that it needs no
/// more in the background: a copy that misses one is made again.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    while let Err(error) = try_copy_folder(from, to) {
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
        fs::remove_dir_all(to).unwrap();
    }
}

fn try_copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            try_copy_folder(&path, &target)?;
        } else {
            fs::copy(path, target)?;
        }
    }
    Ok(())
}
