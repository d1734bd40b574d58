//! Supervises a node: a storage error ends Raft for good, so the node is closed and opened again until the disk
//! works. Owns who serves now, and the backoff. Invariant: at most one node of the folder is open at a time.
//!
//! ```text
//!   Serving ──fails──► Reading ──the disk has room again──► Opening ──► Serving
//!                         ▲                                    │
//!                         └────────────── it doesn't ──────────┘
//! ```
//!
//! While `Reading`, questions are answered from the last state, and commands are told why they can't be taken. While
//! `Opening`, which takes moments, questions wait: the last state's files are the next node's. A node that finds the disk
//! full at the start begins with `Reading`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::MetaError;
use tokio::sync::watch;

use super::{Counters, StartError};
use crate::raft::{LastState, Node, NodeCounters, NodeOptions, released};

/// The wait before a node is opened again: doubles from the first to the last.
const REOPEN_AFTER_MIN: Duration = Duration::from_millis(100);
const REOPEN_AFTER_MAX: Duration = Duration::from_secs(5);
/// With less room a node isn't opened: it would fail, and questions would have to wait meanwhile.
const ROOM_BYTES_MIN: usize = 1 << 20;

/// Who serves now.
#[derive(Clone)]
enum NodeState {
    Serving(Arc<Node>),
    Reading(LastState, String),
    Opening(String),
    /// Not even the last state can be read.
    Down(String),
    Stopped,
}

/// Who answers a question.
pub(super) enum Answering {
    Node(Arc<Node>),
    LastState(LastState),
}

/// A node through all its supervisor.
pub(super) struct Supervisor {
    options: NodeOptions,
    now: watch::Sender<NodeState>,
    stop: watch::Sender<bool>,
    before: Mutex<NodeCounters>,
    restarts: AtomicU64,
}

impl Supervisor {
    /// Opens the node for the first time; what goes wrong here is for the operator, but for a full disk, from which the
    /// state can be read.
    pub(super) async fn begin(options: NodeOptions) -> Result<Arc<Self>, StartError> {
        let life = match Node::open(options.clone()).await {
            Ok(node) => NodeState::Serving(Arc::new(node)),
            Err(error) if error.is_of_full_disk() => match LastState::of_disk(options.clone()).await {
                Ok(state) => {
                    tracing::error!("nothing can be written, questions are answered: {error}");
                    NodeState::Reading(state, full(&error))
                }
                Err(unreadable) => {
                    tracing::warn!("the state can't be read without writing: {unreadable}");
                    return Err(error.into());
                }
            },
            Err(error) => return Err(error.into()),
        };
        // Whatever is opened later isn't new any more.
        let options = NodeOptions { in_use: true, ..options };
        let (now, stop) = (watch::Sender::new(life), watch::Sender::new(false));
        Ok(Arc::new(Self { options, now, stop, before: Mutex::default(), restarts: AtomicU64::new(0) }))
    }

    /// The node that takes commands now, or why none does.
    pub(super) fn node(&self) -> Result<Arc<Node>, MetaError> {
        match &*self.now.borrow() {
            NodeState::Serving(node) => Ok(node.clone()),
            NodeState::Reading(_, why) | NodeState::Opening(why) | NodeState::Down(why) => {
                Err(MetaError::Unavailable(why.clone()))
            }
            NodeState::Stopped => Err(stopped()),
        }
    }

    /// Who answers questions; waits while a node is being opened. `ended` is a node that is known not to answer any more.
    pub(super) async fn answering(&self, ended: Option<&Arc<Node>>) -> Result<Answering, MetaError> {
        let mut now = self.now.subscribe();
        let settled = now.wait_for(|life| match life {
            NodeState::Serving(node) => ended.is_none_or(|ended| !Arc::ptr_eq(node, ended)),
            NodeState::Opening(_) => false,
            NodeState::Reading(..) | NodeState::Down(_) | NodeState::Stopped => true,
        });
        match &*settled.await.map_err(|_| stopped())? {
            NodeState::Serving(node) => Ok(Answering::Node(node.clone())),
            NodeState::Reading(state, _) => Ok(Answering::LastState(state.clone())),
            NodeState::Opening(why) | NodeState::Down(why) => Err(MetaError::Unavailable(why.clone())),
            NodeState::Stopped => Err(stopped()),
        }
    }

    /// Returns whether the node answers questions but takes no commands.
    pub(super) fn is_reading(&self) -> bool {
        matches!(&*self.now.borrow(), NodeState::Reading(..))
    }

    /// Asks all tasks to end.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until [`Supervisor::stop`] was called.
    pub(super) async fn stopped(&self) {
        // An error would mean that the sender is gone, and it lives as long as `self`.
        drop(self.stop.subscribe().wait_for(|stop| *stop).await);
    }

    /// Watches the node, and opens it again when it fails, until stopped; then closes it.
    pub(super) async fn supervise(self: Arc<Self>) {
        loop {
            if let Ok(node) = self.node() {
                let why = tokio::select! {
                    why = node.failure() => why,
                    () = self.stopped() => {
                        self.close(node, NodeState::Stopped).await;
                        return;
                    }
                };
                tracing::error!("the metadata service takes no commands: {why}");
                let reading = NodeState::Reading(node.last_state(), why);
                self.close(node, reading).await;
            }
            if !self.reopen().await {
                self.forget_last_state(NodeState::Stopped).await;
                return;
            }
        }
    }

    /// Tells callers first, then closes the node and waits until nobody has its files open but who reads its last state.
    async fn close(&self, node: Arc<Node>, next: NodeState) {
        let is_read = matches!(next, NodeState::Reading(..));
        self.now.send_replace(next);
        node.close().await;
        self.keep_counters(node.counters());
        let files = node.open_files();
        drop(node);
        if is_read {
            released(|| files.log_is_gone()).await;
        } else {
            files.released().await;
        }
    }

    /// Tries until the node is open again. → false when stopped meanwhile
    async fn reopen(&self) -> bool {
        let mut wait = REOPEN_AFTER_MIN;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stopped() => return false,
            }
            wait = (wait * 2).min(REOPEN_AFTER_MAX);
            if let Err(error) = self.has_room().await {
                tracing::warn!("the metadata service still takes no commands: {error}");
                continue;
            }
            let why = self.why();
            self.forget_last_state(NodeState::Opening(why)).await;
            match Node::open(self.options.clone()).await {
                Ok(node) => {
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    self.now.send_replace(NodeState::Serving(Arc::new(node)));
                    tracing::info!("the metadata service takes commands again");
                    return true;
                }
                Err(error) => {
                    tracing::warn!("the metadata service still takes no commands: {error}");
                    let why = if error.is_of_full_disk() { full(&error) } else { error.to_string() };
                    self.now.send_replace(match LastState::of_disk(self.options.clone()).await {
                        Ok(state) => NodeState::Reading(state, why),
                        Err(unreadable) => {
                            tracing::error!("nor can its state be read: {unreadable}");
                            NodeState::Down(why)
                        }
                    });
                }
            }
        }
    }

    /// Takes the last state away from readers, and waits until those under way have ended.
    async fn forget_last_state(&self, next: NodeState) {
        if let NodeState::Reading(state, _) = self.now.send_replace(next) {
            let forgotten = state.forget();
            released(|| forgotten.is_gone()).await;
        }
    }

    fn why(&self) -> String {
        match &*self.now.borrow() {
            NodeState::Reading(_, why) | NodeState::Opening(why) | NodeState::Down(why) => why.clone(),
            NodeState::Serving(_) | NodeState::Stopped => String::new(),
        }
    }

    /// Whether the disk takes what a node writes at least when it is opened.
    async fn has_room(&self) -> io::Result<()> {
        let path = self.options.folder.join("room.tmp");
        let tried = tokio::task::spawn_blocking(move || try_room(&path)).await;
        tried.map_err(io::Error::other)?
    }

    /// The counters of all nodes since the start, added up.
    pub(super) fn counters(&self) -> Counters {
        let before = *self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.node().map(|node| node.counters()).unwrap_or_default();
        Counters {
            log_entries: before.log_entries + now.log_entries,
            log_fsyncs: before.log_fsyncs + now.log_fsyncs,
            applied: before.applied + now.applied,
            restarts: self.restarts.load(Ordering::Relaxed),
        }
    }

    fn keep_counters(&self, life: NodeCounters) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.log_entries += life.log_entries;
        before.log_fsyncs += life.log_fsyncs;
        before.applied += life.applied;
    }
}

fn try_room(path: &Path) -> io::Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(&vec![0; ROOM_BYTES_MIN])?;
        file.sync_all()
    });
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => written.and(Err(error)),
        _ => written,
    }
}

fn full(error: &impl std::fmt::Display) -> String {
    format!("the disk is full, so nothing can be written until there is some space: {error}")
}

fn stopped() -> MetaError {
    MetaError::Unavailable("the metadata service was stopped".into())
}
