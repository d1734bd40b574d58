//! The metadata service of one node, as the other crates see it. Owns [`MetadataServer`]: what it is started with, why
//! it may refuse to start, and its handles. `server/` has the parts: identity, leader's batching, restarts, clean-up.
//! Invariant: what a handle acknowledged is on disk, whatever happens to the process afterwards.

mod identity;
mod proposer;
mod reclaim;
mod serve;
mod supervisor;

use std::path::PathBuf;
use std::sync::Arc;

use model::{Clock, Command, GetInstallation, Identify, InstallationId, MetaError, MetaStore};
use thiserror::Error;
use tokio::task::JoinHandle;

pub use serve::{MutualTls, ServeError, serve};

use self::identity::Claim;
use self::proposer::Proposer;
use self::supervisor::Supervisor;
use crate::boxed;
use crate::grpc::MetaGrpc;
use crate::raft::{Faults, NodeOptions, OpenError};
use crate::state::StateOptions;

/// What a node is started with.
#[derive(Clone)]
pub struct MetadataOptions {
    /// Holds all that the node keeps. Made if it isn't there; no other process may use it at the same time.
    pub data_dir: PathBuf,
    /// A file that is there only if the folder has been in use before: beside it no new cluster is made.
    pub proof_of_use: Option<PathBuf>,
    /// Stamps commands.
    pub clock: Arc<dyn Clock>,
    /// Bounds of the state's database.
    pub state: StateOptions,
    /// Where tests break the disk.
    pub faults: Faults,
}

impl MetadataOptions {
    /// The usual bounds.
    pub fn new(data_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let (state, faults) = (StateOptions::default(), Faults::none());
        Self { data_dir: data_dir.into(), proof_of_use: None, clock, state, faults }
    }

    /// Whether a start would make a new cluster.
    pub fn is_new(&self) -> bool {
        !identity::is_there(&self.data_dir)
    }
}

/// Why a node doesn't start. All are for the operator; the text says what to do.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process has the folder.
    #[error("{folder} is in use by another process: stop that, or choose another data folder")]
    Locked {
        /// The data folder.
        folder: PathBuf,
    },
    /// A file or folder can't be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder is gone or empty, and something beside it shows that it wasn't always.
    #[error(
        "{folder} is empty or gone, but it was in use before, as {proof} shows: put the folder back, or restore it from a \
         backup. To begin anew, without the branches, uncommitted changes and users that were in it, remove {proof} first"
    )]
    Lost {
        /// The data folder.
        folder: PathBuf,
        /// What shows it.
        proof: PathBuf,
    },
    /// Newer software wrote the folder.
    #[error("{folder} has schema {found}, this release knows {known}: start the release that wrote it, or a newer one")]
    NewerSchema {
        /// The data folder.
        folder: PathBuf,
        /// What it has.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The folder holds a log or state that isn't this node's.
    #[error("{why}: don't mix folders of different nodes; put the right one back, or restore from a backup")]
    Foreign {
        /// What belongs to whom.
        why: String,
    },
    /// The folder's contents are damaged, or the disk can't be used.
    #[error("{why}: if files are damaged, restore the folder from a backup")]
    Corrupt {
        /// What is wrong, and where.
        why: String,
    },
    /// The disk has no room left.
    #[error("the disk is full: {why}. Nothing is damaged: free some space, and start again")]
    DiskFull {
        /// What couldn't be written.
        why: String,
    },
    /// Raft didn't come up.
    #[error("{why}")]
    Failed {
        /// What is wrong.
        why: String,
    },
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        let why = error.to_string();
        if error.is_of_full_disk() {
            return Self::DiskFull { why };
        }
        match error {
            OpenError::Log { .. } | OpenError::LogTooShort { .. } | OpenError::StateTooOld { .. } => {
                Self::Corrupt { why }
            }
            OpenError::State { folder, source: crate::state::StateError::NewerSchema { found, known } } => {
                Self::NewerSchema { folder, found, known }
            }
            OpenError::State { .. } => Self::Corrupt { why },
            OpenError::ForeignLog { .. } | OpenError::ForeignState { .. } => Self::Foreign { why },
            OpenError::Raft(_) => Self::Failed { why },
        }
    }
}

/// What a node has counted since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries written to the log.
    pub log_entries: u64,
    /// Synced writes of the log. Under load far fewer than entries: that is group commit.
    pub log_fsyncs: u64,
    /// Commands applied to the state.
    pub applied: u64,
    /// How many times the node was opened again after its disk failed.
    pub restarts: u64,
}

/// One node of the metadata service; in this release the only one, which always leads.
pub struct MetadataServer {
    supervisor: Arc<Supervisor>,
    proposer: Arc<Proposer>,
    supervision: JoinHandle<()>,
    reclaimer: JoinHandle<()>,
}

impl MetadataServer {
    /// Starts a node: makes a cluster of one in a new folder, or takes up where the folder was left.
    ///
    /// # Errors
    /// [`StartError`], when the folder is another process's, another node's, a newer release's, or damaged.
    #[boxed]
    pub async fn start(options: MetadataOptions) -> Result<Self, StartError> {
        let claim = Claim::take(&options.data_dir, options.proof_of_use.as_deref())?;
        let node_options = NodeOptions {
            folder: options.data_dir.clone(),
            identity: claim.identity().in_log(),
            cluster: claim.identity().cluster.clone(),
            in_use: claim.identity().in_use,
            state: options.state,
            faults: options.faults,
        };
        let supervisor = Supervisor::begin(node_options).await?;
        claim.mark_in_use()?;
        let installation = claim.identity().installation()?;
        tracing::info!(folder = %options.data_dir.display(), cluster = %claim.identity().cluster, "the metadata service leads");
        let supervision = tokio::spawn({
            let supervisor = supervisor.clone();
            async move {
                supervisor.supervise().await;
                // Only now may another process have the folder.
                drop(claim);
            }
        });
        let reclaimer = tokio::spawn(reclaim::run(supervisor.clone()));
        let proposer = Proposer::start(supervisor.clone(), options.clock);
        let server = Self { supervisor, proposer, supervision, reclaimer };
        server.identify(installation).await?;
        Ok(server)
    }

    /// Notes in the state which installation it is: the cluster.
    async fn identify(&self, installation: InstallationId) -> Result<(), StartError> {
        let failed = |error: MetaError| StartError::Failed { why: error.to_string() };
        let meta: &dyn MetaStore = &*self.proposer;
        if meta.ask(GetInstallation).await.map_err(failed)?.is_some() {
            return Ok(());
        }
        let command = Command::Identify(Identify { installation, store: None, replaces: None });
        match self.proposer.write(command).await {
            // A disk that is full leaves it to the next start.
            Err(error) if error.is_retryable() && self.supervisor.is_reading() => Ok(()),
            written => written.map(drop).map_err(failed),
        }
    }

    /// The handle for callers in this process.
    pub fn store(&self) -> Arc<dyn MetaStore> {
        self.proposer.clone()
    }

    /// The gRPC service, to be mounted into a server. It trusts its callers: see [`serve`].
    pub fn grpc(&self) -> tonic::service::Routes {
        tonic::service::Routes::new(MetaGrpc::new(self.store()).into_service())
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.supervisor.counters()
    }

    /// Stops taking commands, makes everything durable, and ends all tasks and threads. Handles answer
    /// `Unavailable` from then on.
    #[boxed]
    pub async fn shutdown(mut self) {
        self.supervisor.stop();
        for task in [&mut self.supervision, &mut self.reclaimer] {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task of the metadata service didn't end well");
            }
        }
        self.proposer.stopped().await;
    }
}

impl Drop for MetadataServer {
    /// Without [`MetadataServer::shutdown`] the node stops soon, as after a crash: the next start applies its log.
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}
