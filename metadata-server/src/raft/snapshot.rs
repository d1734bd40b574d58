//! Snapshots of the state on local disk. Owns the folder `snapshots/`: a snapshot is a folder with `state/` (a RocksDB
//! checkpoint, hard links) and `manifest.json` (what Raft knows of it, and each file's size and BLAKE3).
//! Invariant: a folder that has a manifest is whole; one without is a crash's leftover and is removed at start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use openraft::RaftSnapshotBuilder;
use serde::{Deserialize, Serialize};

use super::types::{SnapshotMeta, TypeConfig};

const MANIFEST: &str = "manifest.json";
const STATE: &str = "state";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// What folders under construction begin with.
const UNFINISHED: &str = "tmp-";
/// The layout that this code writes and reads.
const MANIFEST_VERSION: u32 = 1;

pub(crate) type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFolder>;

/// A snapshot's folder: what openraft hands from the builder to the installer.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotFolder {
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    meta: SnapshotMeta,
    files: Vec<FileEntry>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct FileEntry {
    name: String,
    bytes: u64,
    blake3: String,
}

/// All snapshots of a node; at most one is kept.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    root: PathBuf,
}

impl Snapshots {
    /// Opens or makes the folder, and removes what a crash left unfinished.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        durable::make_folder(root, FOLDER_MODE)?;
        for entry in fs::read_dir(root)? {
            let path = entry?.path();
            if !path.join(MANIFEST).is_file() {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(Self { root: root.to_owned() })
    }

    /// A fresh folder name for a snapshot under construction, with the place of its checkpoint, which isn't made yet.
    pub(crate) fn begin(&self, meta: &SnapshotMeta) -> io::Result<UnfinishedSnapshot> {
        let path = self.root.join(format!("{UNFINISHED}{}", name_of(meta)));
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(UnfinishedSnapshot { root: self.root.clone(), path, meta: meta.clone() })
    }

    /// The newest snapshot, if there is one.
    pub(crate) fn current(&self) -> io::Result<Option<Snapshot>> {
        let mut newest: Option<Snapshot> = None;
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            if is_unfinished(&path) {
                continue;
            }
            let meta = read_manifest(&path)?.meta;
            if newest.as_ref().is_none_or(|newest| newest.meta.last_log_id < meta.last_log_id) {
                newest = Some(Snapshot { meta, snapshot: SnapshotFolder { path } });
            }
        }
        Ok(newest)
    }

    /// Takes a snapshot that lies elsewhere into this folder, by hard links where the file system allows.
    pub(crate) fn adopt(&self, folder: &SnapshotFolder, meta: &SnapshotMeta) -> io::Result<()> {
        if folder.path.parent() == Some(&self.root) {
            return Ok(());
        }
        let unfinished = self.begin(meta)?;
        let target = unfinished.state();
        fs::create_dir(&target)?;
        for file in files_of(&folder.state())? {
            let (from, to) = (folder.state().join(&file), target.join(&file));
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to)?;
                File::open(&to)?.sync_all()?;
            }
        }
        unfinished.finish().map(drop)
    }
}

impl SnapshotFolder {
    /// Where the checkpoint lies.
    pub(crate) fn state(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// Compares each file with the manifest; an error names the first that differs.
    pub(crate) fn verify(&self) -> io::Result<()> {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let manifest = read_manifest(&self.path)?;
        let found = list_files(&self.state())?;
        for file in &manifest.files {
            if !found.contains(file) {
                let path = self.state().join(&file.name);
                return Err(invalid(format!("{} of a snapshot is missing or damaged", path.display())));
            }
        }
        if found.len() != manifest.files.len() {
            return Err(invalid(format!("{} has files that its manifest doesn't name", self.path.display())));
        }
        Ok(())
    }
}

/// A snapshot whose checkpoint is made but whose manifest isn't: what openraft's builder task finishes.
pub(crate) struct UnfinishedSnapshot {
    root: PathBuf,
    path: PathBuf,
    meta: SnapshotMeta,
}

impl UnfinishedSnapshot {
    /// Where the checkpoint goes.
    pub(crate) fn state(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// Writes the manifest, gives the folder its name, and removes older snapshots.
    fn finish(&self) -> io::Result<Snapshot> {
        let manifest =
            Manifest { version: MANIFEST_VERSION, meta: self.meta.clone(), files: list_files(&self.state())? };
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
        durable::sync_folder(&self.state())?;
        durable::replace_file(&self.path.join(MANIFEST), &text, FILE_MODE)?;
        let path = self.root.join(name_of(&self.meta));
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::rename(&self.path, &path)?;
        durable::sync_folder(&self.root)?;
        for entry in fs::read_dir(&self.root)? {
            let other = entry?.path();
            if other != path && !is_unfinished(&other) {
                fs::remove_dir_all(&other)?;
            }
        }
        Ok(Snapshot { meta: self.meta.clone(), snapshot: SnapshotFolder { path } })
    }
}

/// What openraft calls to finish a snapshot whose checkpoint was made, or to hear why it wasn't.
pub(crate) struct SnapshotBuilder(pub(crate) Option<io::Result<UnfinishedSnapshot>>);

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = SnapshotFolder;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let unfinished = self.0.take().ok_or_else(|| io::Error::other("this snapshot was built already"))??;
        tokio::task::spawn_blocking(move || unfinished.finish()).await.map_err(io::Error::other)?
    }
}

fn name_of(meta: &SnapshotMeta) -> String {
    match &meta.last_log_id {
        Some(id) => format!("{:020}-term-{}-node-{}", id.index, id.leader_id.term, id.leader_id.node_id),
        None => "empty".into(),
    }
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
}

fn read_manifest(path: &Path) -> io::Result<Manifest> {
    let path = path.join(MANIFEST);
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let manifest: Manifest = serde_json::from_slice(&fs::read(&path)?).map_err(|e| invalid(e.to_string()))?;
    if manifest.version != MANIFEST_VERSION {
        return Err(invalid(format!("version {} is unknown to this release", manifest.version)));
    }
    Ok(manifest)
}

fn files_of(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn list_files(folder: &Path) -> io::Result<Vec<FileEntry>> {
    let list = |name: String| {
        let mut hasher = blake3::Hasher::new();
        let bytes = io::copy(&mut File::open(folder.join(&name))?, &mut hasher)?;
        Ok(FileEntry { name, bytes, blake3: hasher.finalize().to_hex().to_string() })
    };
    files_of(folder)?.into_iter().map(list).collect()
}
