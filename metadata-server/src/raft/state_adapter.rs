//! The state machine as openraft sees it. Owns the apply barrier, batching, and what of Raft is kept with the state
//! (whose state it is, last applied id, membership); `state` owns the data. Invariant: an entry is applied only when
//! this node's own log has it on disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::faults::{FaultPoint, Faults};
use super::log_record::size_of;
use super::log_store::LogStore;
use super::snapshot::{SnapshotBuilder, SnapshotFolder, Snapshots, UnfinishedSnapshot};
use super::types::{LogId, SnapshotMeta, StoredMembership, TypeConfig};
use crate::full_disk::says_full;
use crate::state_machine::{Applied, StateMachine};

/// How much is applied in one write.
const BATCH_ENTRIES_MAX: usize = 1024;
const BATCH_BYTES_MAX: usize = 8 << 20;

type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFolder>;

/// What of Raft lies with the state, in the same write as the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RaftFacts {
    /// Whose state this is.
    pub(crate) cluster: String,
    /// The last applied entry.
    pub(crate) last_applied: Option<LogId>,
    /// The voters and learners as of then.
    pub(crate) membership: StoredMembership,
}

impl RaftFacts {
    /// Reads what lies with the state; nothing yet in a new one.
    pub(crate) fn of(state: &StateMachine) -> io::Result<Option<Self>> {
        Self::decode(state.raft_state().map_err(io::Error::other)?.as_deref())
    }

    /// Reads them from what the state holds.
    pub(crate) fn decode(bytes: Option<&[u8]>) -> io::Result<Option<Self>> {
        bytes.map(serde_json::from_slice).transpose().map_err(io::Error::other)
    }

    fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("because it has only plain fields").into()
    }
}

/// Applies entries to the state, and makes and installs snapshots of it.
pub(crate) struct StateAdapter {
    state: Arc<StateMachine>,
    folder: PathBuf,
    log: LogStore,
    snapshots: Snapshots,
    facts: RaftFacts,
    applied: Arc<AtomicU64>,
    failed: watch::Sender<Option<String>>,
    faults: Faults,
}

impl StateAdapter {
    /// Takes up the state where it was left.
    pub(crate) fn new(
        state: Arc<StateMachine>,
        folder: PathBuf,
        log: LogStore,
        snapshots: Snapshots,
        cluster: &str,
        faults: Faults,
    ) -> io::Result<Self> {
        let facts =
            RaftFacts::of(&state)?.unwrap_or_else(|| RaftFacts { cluster: cluster.to_owned(), ..RaftFacts::default() });
        let (applied, failed) = (Arc::default(), watch::Sender::new(None));
        Ok(Self { state, folder, log, snapshots, facts, applied, failed, faults })
    }

    /// How many commands were applied since the start; counted up as they are.
    pub(crate) fn applied(&self) -> Arc<AtomicU64> {
        self.applied.clone()
    }

    /// Why the state can't be written, if so; to be watched.
    pub(crate) fn watch_failed(&self) -> watch::Receiver<Option<String>> {
        self.failed.subscribe()
    }

    /// Waits for the barrier, applies in one write, and answers.
    async fn apply_batch(&mut self, items: Vec<EntryResponder<TypeConfig>>) -> io::Result<()> {
        let Some((last, _)) = items.last() else { return Ok(()) };
        self.log.durable(last.log_id.index).await?;

        let mut facts = self.facts.clone();
        let (mut batch, mut responders) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for (entry, responder) in items {
            facts.last_applied = Some(entry.log_id);
            let command = match entry.payload {
                EntryPayload::Blank => None,
                EntryPayload::Normal(proposal) => Some(proposal.into_parts()),
                EntryPayload::Membership(membership) => {
                    facts.membership = StoredMembership::new(Some(entry.log_id), membership);
                    None
                }
            };
            batch.push(Applied { index: entry.log_id.index, raft: Bytes::new(), command });
            responders.push(responder);
        }
        if let Some(last) = batch.last_mut() {
            last.raft = facts.encode();
        }
        let commands = batch.iter().filter(|applied| applied.command.is_some()).count() as u64;

        let (state, faults) = (self.state.clone(), self.faults.clone());
        let outcomes = blocking(move || {
            faults.check(FaultPoint::BeforeApply)?;
            state.apply(&batch).map_err(io::Error::other)
        })
        .await
        .map_err(|error| self.failed(&error))?;
        self.facts = facts;
        self.applied.fetch_add(commands, Ordering::Relaxed);
        for (responder, outcome) in responders.into_iter().zip(outcomes) {
            if let Some(responder) = responder {
                responder.send(outcome);
            }
        }
        Ok(())
    }

    /// Turns a failure of the state into words for operators, and tells watchers.
    fn failed(&self, error: &io::Error) -> io::Error {
        let folder = self.folder.display();
        let why = if says_full(error) {
            format!("the disk is full: the state in {folder} can't be written; free some space ({error})")
        } else {
            format!("the state in {folder} can't be written: check the disk ({error})")
        };
        tracing::error!("{why}");
        self.failed.send_replace(Some(why.clone()));
        io::Error::other(why)
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.facts.last_applied, last_membership: self.facts.membership.clone() }
    }

    /// Makes a checkpoint of the state as it is now.
    async fn checkpoint(&self) -> io::Result<UnfinishedSnapshot> {
        let (state, snapshots, meta) = (self.state.clone(), self.snapshots.clone(), self.meta());
        blocking(move || {
            let unfinished = snapshots.begin(&meta)?;
            state.checkpoint(&unfinished.state()).map_err(io::Error::other)?;
            Ok(unfinished)
        })
        .await
    }
}

impl RaftStateMachine<TypeConfig> for StateAdapter {
    type SnapshotData = SnapshotFolder;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.facts.last_applied, self.facts.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(item) = entries.next().await {
            let item = item?;
            bytes += size_of(&item.0);
            items.push(item);
            if items.len() >= BATCH_ENTRIES_MAX || bytes >= BATCH_BYTES_MAX {
                bytes = 0;
                self.apply_batch(std::mem::take(&mut items)).await?;
            }
        }
        self.apply_batch(items).await
    }

    /// Makes the checkpoint here, between two applies, so that it is exactly the last applied state, and so that a
    /// full disk only puts the snapshot off.
    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<SnapshotBuilder> {
        match self.checkpoint().await {
            Err(error) if !force => {
                tracing::warn!(%error, "the snapshot is put off");
                None
            }
            made => Some(SnapshotBuilder(Some(made))),
        }
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder(Some(self.checkpoint().await))
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFolder) -> io::Result<()> {
        let (state, snapshots, meta) = (self.state.clone(), self.snapshots.clone(), meta.clone());
        let cluster = self.facts.cluster.clone();
        self.facts = blocking(move || {
            snapshot.verify()?;
            state.restore(&snapshot.state()).map_err(io::Error::other)?;
            snapshots.adopt(&snapshot, &meta)?;
            let facts = RaftFacts::of(&state)?
                .unwrap_or_else(|| RaftFacts { cluster: cluster.clone(), ..RaftFacts::default() });
            if facts.last_applied != meta.last_log_id {
                return Err(io::Error::other("a snapshot's state isn't what its manifest says"));
            }
            if facts.cluster != cluster {
                return Err(io::Error::other(format!("a snapshot is of cluster {}, not of {cluster}", facts.cluster)));
            }
            Ok(facts)
        })
        .await
        .map_err(|error| self.failed(&error))?;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let snapshots = self.snapshots.clone();
        blocking(move || snapshots.current()).await
    }
}

/// Runs disk work on the pool for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
