//! Whose data folder this is, and which process has it. Owns `identity.json` (cluster, node, schema) and the lock on
//! `LOCK`. Invariant: the file is replaced as a whole and durable before the log's first entry.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use model::{InstallationId, InvalidId};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use super::StartError;
use crate::full_disk::says_full;

/// The newest layout of the data folder that this release writes and reads.
const SCHEMA: u32 = 1;
const FILE: &str = "identity.json";
const LOCK: &str = "LOCK";
/// Nobody but the server's user has business in the folder.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Who a node is, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The layout of the data folder.
    pub(super) schema: u32,
    /// 32 hex digits, one for all nodes of a cluster.
    pub(super) cluster: String,
    /// 32 hex digits, this node's alone.
    pub(super) node: String,
    /// Whether the node has led once, so that its log can't be empty any more.
    pub(super) in_use: bool,
}

impl Identity {
    fn random() -> Self {
        let mut random = rand::rng();
        let mut id = || format!("{:032x}", u128::from(random.next_u64()) | (u128::from(random.next_u64()) << 64));
        Self { schema: SCHEMA, cluster: id(), node: id(), in_use: false }
    }

    /// The cluster's id, as the replicated state has it.
    pub(super) fn installation(&self) -> Result<InstallationId, StartError> {
        let why = |error: InvalidId| StartError::Corrupt { why: format!("{FILE}: the cluster: {error}") };
        self.cluster.parse().map_err(why)
    }

    /// What stands in the log: whose it is.
    pub(super) fn in_log(&self) -> Vec<u8> {
        format!("node {} of cluster {}", self.node, self.cluster).into_bytes()
    }
}

/// A process's claim on a data folder, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    folder: PathBuf,
    identity: Identity,
    // The lock goes with the open file.
    _lock: File,
}

impl Claim {
    /// Makes the folder if need be, locks it, and reads or makes its identity. Makes none where `proof` shows that there
    /// was one: what it named would be passed over.
    pub(super) fn take(folder: &Path, proof: Option<&Path>) -> Result<Self, StartError> {
        if let Some(proof) = proof
            && !is_there(folder)
        {
            return Err(StartError::Lost { folder: folder.to_owned(), proof: proof.to_owned() });
        }
        durable::make_folder(folder, FOLDER_MODE).map_err(at(folder))?;
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let identity = match fs::read(&path) {
            Ok(bytes) => parse(folder, &path, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_orphans(folder)?;
                let identity = Identity::random();
                write(folder, &identity)?;
                identity
            }
            Err(error) => return Err(at(&path)(error)),
        };
        Ok(Self { folder: folder.to_owned(), identity, _lock: lock })
    }

    /// Who this node is.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Writes down that the log isn't empty any more.
    pub(super) fn mark_in_use(&self) -> Result<(), StartError> {
        if self.identity.in_use {
            return Ok(());
        }
        write(&self.folder, &Identity { in_use: true, ..self.identity.clone() })
    }
}

/// Whether a folder has an identity.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

fn lock(folder: &Path) -> Result<File, StartError> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(at(&path)(error)),
    }
}

fn parse(folder: &Path, path: &Path, bytes: &[u8]) -> Result<Identity, StartError> {
    let corrupt = |why: String| StartError::Corrupt { why: format!("{}: {why}", path.display()) };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| corrupt(e.to_string()))?;
    let schema = value.get("schema").and_then(serde_json::Value::as_u64);
    let found =
        schema.and_then(|schema| u32::try_from(schema).ok()).ok_or_else(|| corrupt("no schema in it".into()))?;
    if found > SCHEMA {
        return Err(StartError::NewerSchema { folder: folder.to_owned(), found, known: SCHEMA });
    }
    serde_json::from_value(value).map_err(|e| corrupt(e.to_string()))
}

/// A log or state without an identity is somebody's; a new node mustn't take it over.
fn refuse_orphans(folder: &Path) -> Result<(), StartError> {
    let orphan = ["log", "state", "snapshots"].into_iter().map(|name| folder.join(name)).find(|path| path.exists());
    match orphan {
        Some(path) => Err(StartError::Foreign {
            why: format!(
                "{} is there but {} isn't: whose it is can't be told",
                path.display(),
                folder.join(FILE).display()
            ),
        }),
        None => Ok(()),
    }
}

fn write(folder: &Path, identity: &Identity) -> Result<(), StartError> {
    let path = folder.join(FILE);
    let text = serde_json::to_vec_pretty(identity).expect("because it has only plain fields");
    durable::replace_file(&path, &text, FILE_MODE).map_err(at(&path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_owned();
    move |source| match says_full(&source) {
        true => StartError::DiskFull { why: format!("{}: {source}", path.display()) },
        false => StartError::File { path, source },
    }
}
