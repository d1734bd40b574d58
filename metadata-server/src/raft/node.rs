//! One life of a voter: from opening its folders to closing them. Owns the order of start and stop, and the tables
//! from openraft's errors to [`MetaError`]. Leaves it to `server` to begin another life when this one ends.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use model::{Answer, MetaError, Outcome, Query};
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{ClientWriteError, Fatal, LinearizableReadError, RaftError};
use openraft::impls::BasicNode;
use openraft::raft::ReadPolicy;
use thiserror::Error;
use tokio::sync::watch;

use super::config::config;
use super::faults::Faults;
use super::last_state::LastState;
use super::log_store::{LogFacts, LogStore, WeakLogStore};
use super::log_tail::next_of;
use super::log_writer::Durable;
use super::network::NoNetwork;
pub(crate) use super::read_gate::ReadEnd;
use super::read_gate::ReadGate;
use super::snapshot::{Snapshot, Snapshots};
use super::state_adapter::{RaftFacts, StateAdapter};
use super::types::{Proposal, TypeConfig};
use crate::full_disk::says_full;
use crate::query::is_point;
use crate::state::{StateError, StateOptions};
use crate::state_machine::StateMachine;

/// The one voter's id in Raft. Ids are never used again for another node.
const NODE_ID: u64 = 1;
/// How long one wait for the election or for old entries to be applied takes before it is told in the log.
const START_REPORT_EVERY: Duration = Duration::from_secs(5);
/// How long a node that tries to become leader may take; a single voter needs one fsync.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How often, and how many times, it is looked whether a closed node's files are released.
const RELEASE_POLL: Duration = Duration::from_millis(10);
const RELEASE_POLLS_MAX: u32 = 1000;

type Raft = openraft::Raft<TypeConfig, StateAdapter>;

/// What a node is made of.
#[derive(Debug, Clone)]
pub(crate) struct NodeOptions {
    /// Holds `log`, `state` and `snapshots`.
    pub(crate) folder: PathBuf,
    /// Whose node this is: the same bytes are in the log.
    pub(crate) identity: Vec<u8>,
    /// The cluster's id; it is with the state, too.
    pub(crate) cluster: String,
    /// Whether the node has been in use: its log can't be empty then.
    pub(crate) in_use: bool,
    /// Bounds of the state's database.
    pub(crate) state: StateOptions,
    /// Tests break the disk here.
    pub(crate) faults: Faults,
}

/// Why a node can't be opened.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// The log can't be opened or read.
    #[error("the Raft log in {folder} can't be used: {why}")]
    Log {
        /// Where.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The log is another node's.
    #[error("the Raft log in {folder} is that of {found}, but this node is {expected}")]
    ForeignLog {
        /// Where.
        folder: PathBuf,
        /// What the log says.
        found: String,
        /// What the identity file says.
        expected: String,
    },
    /// The log lacks entries that were acknowledged.
    #[error("the Raft log in {folder} ends before entry {needed}, which the state has applied: the log lost its end")]
    LogTooShort {
        /// Where.
        folder: PathBuf,
        /// What must be there.
        needed: u64,
    },
    /// The state can't be opened or read.
    #[error("the state in {folder} can't be used: {source}")]
    State {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: StateError,
    },
    /// The state lacks entries that the log doesn't have any more.
    #[error(
        "the state in {folder} was lost or is old: it ends before entry {needed}, and log and snapshots begin later"
    )]
    StateTooOld {
        /// Where.
        folder: PathBuf,
        /// What must be there.
        needed: u64,
    },
    /// The state is another cluster's.
    #[error("the state in {folder} is that of cluster {found}, not of {expected}")]
    ForeignState {
        /// Where.
        folder: PathBuf,
        /// What the state says.
        found: String,
        /// What the identity file says.
        expected: String,
    },
    /// Raft doesn't start on what it found.
    #[error("Raft didn't start: {0}")]
    Raft(String),
}

impl OpenError {
    /// Whether it is for want of room, so that nothing is damaged.
    pub(crate) fn is_of_full_disk(&self) -> bool {
        says_full(self)
    }
}

/// A running voter.
pub(crate) struct Node {
    raft: Raft,
    log: LogStore,
    state: Arc<StateMachine>,
    gate: Arc<ReadGate>,
    applied: Arc<AtomicU64>,
    log_health: watch::Receiver<Durable>,
    state_health: watch::Receiver<Option<String>>,
}

/// What a node has counted since it was opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NodeCounters {
    pub(crate) log_entries: u64,
    pub(crate) log_fsyncs: u64,
    pub(crate) applied: u64,
}

/// Weak references to what a closed node had open.
pub(crate) struct OpenFiles {
    log: WeakLogStore,
    state: Weak<StateMachine>,
}

impl OpenFiles {
    /// Whether nobody has the files open any more, so that another life can begin.
    pub(crate) fn are_gone(&self) -> bool {
        self.log.is_gone() && self.state.strong_count() == 0
    }

    /// Whether nobody has the log open any more.
    pub(crate) fn log_is_gone(&self) -> bool {
        self.log.is_gone()
    }

    /// Waits until they are, within bounds: reads that began before the end, and Raft's last tasks, let go of the files
    /// one after the other.
    pub(crate) async fn released(&self) {
        released(|| self.are_gone()).await;
    }
}

/// Waits until what a closed node had open is free.
pub(crate) async fn released(are_gone: impl Fn() -> bool) {
    for _ in 0..RELEASE_POLLS_MAX {
        if are_gone() {
            return;
        }
        tokio::time::sleep(RELEASE_POLL).await;
    }
    tracing::warn!("a closed node still has its files open");
}

impl Node {
    /// Opens the folders, makes the cluster if the log is new, and waits until this node leads and has applied all
    /// that was committed before.
    pub(crate) async fn open(options: NodeOptions) -> Result<Self, OpenError> {
        let (log, state, snapshots) = open_folders(&options).await?;
        let facts = RaftFacts::of(&state).map_err(|e| OpenError::Raft(format!("the state's Raft facts: {e}")))?;
        let log_facts = log.facts().map_err(|e| log_error(&options.folder, &e))?;
        let snapshot = snapshots.current().map_err(|e| OpenError::Raft(e.to_string()))?;
        let fresh = check_whose(&options, &log_facts, facts.as_ref())?;
        check_reach(&options, &log_facts, facts.as_ref(), snapshot.as_ref())?;
        if fresh {
            log.set_identity(options.identity.clone()).await.map_err(|e| log_error(&options.folder, &e))?;
        }
        let adapter = StateAdapter::new(
            state.clone(),
            options.folder.join("state"),
            log.clone(),
            snapshots,
            &options.cluster,
            options.faults.clone(),
        )
        .map_err(|e| OpenError::Raft(e.to_string()))?;
        let (applied, state_health) = (adapter.applied(), adapter.watch_failed());
        let config = config(&options.cluster).map_err(|e| OpenError::Raft(e.to_string()))?;
        let raft = Raft::new(NODE_ID, config, NoNetwork, log.clone(), adapter)
            .await
            .map_err(|e| OpenError::Raft(e.to_string()))?;
        let log_health = log.watch_durable();
        let node = Self { raft, log, state, gate: Arc::default(), applied, log_health, state_health };
        match node.lead().await {
            Ok(()) => Ok(node),
            Err(error) => {
                node.close().await;
                let files = node.open_files();
                drop(node);
                files.released().await;
                Err(error)
            }
        }
    }

    /// Makes the cluster if there is none, wins the election, and applies what was committed before.
    async fn lead(&self) -> Result<(), OpenError> {
        let failed = |error: &dyn std::fmt::Display| OpenError::Raft(self.why(error));
        if self.raft.is_initialized().await.map_err(|e| failed(&e))? {
            self.raft.trigger().elect(false).await.map_err(|e| failed(&e))?;
        } else {
            let members = BTreeMap::from([(NODE_ID, BasicNode::default())]);
            self.raft.initialize(members).await.map_err(|e| failed(&e))?;
        }
        let elected = self.raft.wait(Some(ELECTION_TIMEOUT)).current_leader(NODE_ID, "the only voter leads").await;
        elected.map_err(|e| failed(&e))?;
        // An index of this term that is applied has all older ones applied before it.
        let linearizer = self.raft.get_read_linearizer(ReadPolicy::ReadIndex).await.map_err(|e| failed(&e))?;
        loop {
            match linearizer.clone().try_await_ready(&self.raft, Some(START_REPORT_EVERY)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(_)) => {
                    let applied = self.applied.load(Ordering::Relaxed);
                    tracing::info!(applied, "applying the log's entries that the state lacks");
                }
                Err(fatal) => return Err(failed(&fatal)),
            }
        }
    }

    /// Proposes commands; their results come in order. An error of the call itself says that none was taken.
    pub(crate) async fn propose(
        self: &Arc<Self>,
        proposals: Vec<Proposal>,
    ) -> Result<BoxStream<'static, Result<Outcome, MetaError>>, MetaError> {
        let results = self.raft.client_write_many(proposals).await;
        let results = results.map_err(|fatal| MetaError::Unavailable(self.why(&fatal)))?;
        let node = self.clone();
        Ok(results.map(move |result| node.outcome(result)).boxed())
    }

    fn outcome(
        &self,
        result: Result<openraft::raft::WriteResult<TypeConfig>, Fatal<TypeConfig>>,
    ) -> Result<Outcome, MetaError> {
        match result {
            Ok(Ok(response)) => Ok(response.response),
            Ok(Err(ClientWriteError::ForwardToLeader(_))) => Err(not_leader()),
            Ok(Err(error)) => Err(MetaError::OutcomeUnknown(self.why(&error))),
            Err(fatal) => Err(MetaError::OutcomeUnknown(self.why(&fatal))),
        }
    }

    /// Answers a question from the state as of some moment after the call.
    pub(crate) async fn read(self: &Arc<Self>, query: Query) -> Result<Answer, ReadEnd> {
        let node = self.clone();
        self.gate
            .pass(move || {
                let node = node.clone();
                async move { node.confirm().await }
            })
            .await?;
        if is_point(&query) {
            return self.state.read(&query).map_err(|e| ReadEnd::Failed(read_failed(&e)));
        }
        self.last_state().read(query).await.map_err(ReadEnd::Failed)
    }

    /// ReadIndex: still the leader, and all that was committed until now is applied.
    ///
    /// A node that fails meanwhile may never answer, and its files would stay open for as long as it is asked.
    async fn confirm(&self) -> Result<(), ReadEnd> {
        let confirmed = tokio::select! {
            biased;
            confirmed = self.raft.ensure_linearizable(ReadPolicy::ReadIndex) => confirmed,
            _ = self.failure() => return Err(ReadEnd::Ended),
        };
        match confirmed {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(_))) => Err(ReadEnd::Failed(not_leader())),
            Err(RaftError::Fatal(_)) => Err(ReadEnd::Ended),
            Err(error) => Err(ReadEnd::Failed(MetaError::Unavailable(self.why(&error)))),
        }
    }

    /// What can be read of this node once it is closed.
    pub(crate) fn last_state(&self) -> LastState {
        LastState::OfNode(self.state.clone())
    }

    /// Removes some of what dropped tokens left behind. → whether more is left
    pub(crate) async fn reclaim(&self, budget: usize) -> Result<bool, MetaError> {
        let state = self.state.clone();
        let more = tokio::task::spawn_blocking(move || state.reclaim(budget)).await;
        more.map_err(|e| MetaError::Internal(e.to_string()))?.map_err(|e| MetaError::Internal(e.to_string()))
    }

    /// Waits until this life is over, and says why.
    pub(crate) async fn failure(&self) -> String {
        let (mut log, mut state) = (self.log_health.clone(), self.state_health.clone());
        tokio::select! {
            Ok(durable) = log.wait_for(|durable| durable.failed.is_some()) => {
                durable.failed.clone().unwrap_or_default()
            }
            Ok(why) = state.wait_for(Option::is_some) => why.clone().unwrap_or_default(),
            why = self.raft_stopped() => why,
        }
    }

    async fn raft_stopped(&self) -> String {
        let mut metrics = self.raft.metrics();
        loop {
            if let Err(fatal) = &metrics.borrow_watched().running_state {
                return self.why(fatal);
            }
            if metrics.changed().await.is_err() {
                return self.why(&"Raft's task ended");
            }
        }
    }

    /// What was counted since the node was opened.
    pub(crate) fn counters(&self) -> NodeCounters {
        let log = self.log.counters();
        NodeCounters {
            log_entries: log.entries.load(Ordering::Relaxed),
            log_fsyncs: log.fsyncs.load(Ordering::Relaxed),
            applied: self.applied.load(Ordering::Relaxed),
        }
    }

    /// Stops Raft and makes the state durable, so that the next start has nothing to apply again.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "Raft's task didn't end well");
        }
        let state = self.state.clone();
        match tokio::task::spawn_blocking(move || state.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the state wasn't flushed: the next start applies its log again"),
            Err(error) => tracing::warn!(%error, "the state wasn't flushed: the next start applies its log again"),
        }
    }

    /// What tells whether the files are released, once this node is dropped.
    pub(crate) fn open_files(&self) -> OpenFiles {
        OpenFiles { log: self.log.downgrade(), state: Arc::downgrade(&self.state) }
    }

    /// The reason to tell: what the disk said if it was the disk, else what openraft says.
    fn why(&self, error: &dyn std::fmt::Display) -> String {
        let disk = self.log_health.borrow().failed.clone().or_else(|| self.state_health.borrow().clone());
        disk.unwrap_or_else(|| error.to_string())
    }
}

/// Opens log, state and snapshots, which may take a while, off the async workers.
async fn open_folders(options: &NodeOptions) -> Result<(LogStore, Arc<StateMachine>, Snapshots), OpenError> {
    let options = options.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let folder = &options.folder;
        let log = LogStore::open(&folder.join("log"), options.faults).map_err(|e| log_error(folder, &e))?;
        let dir = folder.join("state");
        let state =
            StateMachine::open(&dir, options.state).map_err(|source| OpenError::State { folder: dir, source })?;
        let snapshots =
            Snapshots::open(&folder.join("snapshots")).map_err(|e| OpenError::Raft(format!("snapshots: {e}")))?;
        Ok((log, Arc::new(state), snapshots))
    });
    opened.await.map_err(|e| OpenError::Raft(e.to_string()))?
}

/// Refuses another node's log, another cluster's state, and a log that ends before what the state has applied.
/// → whether the log is new
pub(crate) fn check_whose(options: &NodeOptions, log: &LogFacts, facts: Option<&RaftFacts>) -> Result<bool, OpenError> {
    let folder = options.folder.join("log");
    let expected = || String::from_utf8_lossy(&options.identity).into_owned();
    if let Some(facts) = facts
        && facts.cluster != options.cluster
    {
        let (found, expected) = (facts.cluster.clone(), options.cluster.clone());
        return Err(OpenError::ForeignState { folder: options.folder.join("state"), found, expected });
    }
    let applied_next = next_of(facts.and_then(|facts| facts.last_applied.as_ref()));
    if applied_next > next_of(log.last.as_ref()) {
        return Err(OpenError::LogTooShort { folder, needed: applied_next - 1 });
    }
    match &log.identity {
        Some(found) if *found == options.identity => Ok(false),
        Some(found) => {
            let found = String::from_utf8_lossy(found).into_owned();
            Err(OpenError::ForeignLog { folder, found, expected: expected() })
        }
        None if options.in_use || log.last.is_some() => Err(OpenError::ForeignLog {
            folder,
            found: "nobody (it is empty or was replaced)".into(),
            expected: expected(),
        }),
        None => Ok(true),
    }
}

/// Refuses a state that can't be brought up to date: older than both the log's first entry and the snapshot.
pub(crate) fn check_reach(
    options: &NodeOptions,
    log: &LogFacts,
    facts: Option<&RaftFacts>,
    snapshot: Option<&Snapshot>,
) -> Result<(), OpenError> {
    let applied_next = next_of(facts.and_then(|facts| facts.last_applied.as_ref()));
    let snapshot_next = next_of(snapshot.and_then(|snapshot| snapshot.meta.last_log_id.as_ref()));
    let needed = next_of(log.purged.as_ref());
    if applied_next.max(snapshot_next) < needed {
        return Err(OpenError::StateTooOld { folder: options.folder.join("state"), needed: needed - 1 });
    }
    Ok(())
}

pub(crate) fn log_error(folder: &Path, error: &io::Error) -> OpenError {
    OpenError::Log { folder: folder.join("log"), why: error.to_string() }
}

fn not_leader() -> MetaError {
    MetaError::Unavailable("this node doesn't lead now: try again".into())
}

pub(crate) fn read_failed(error: &StateError) -> MetaError {
    MetaError::Internal(error.to_string())
}

#[cfg(test)]
mod tests;
