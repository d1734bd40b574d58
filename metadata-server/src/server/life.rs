//! The lives of a node: a storage error ends Raft for good, so the node is closed and opened again until the disk
//! works. Owns who serves now, and the backoff. Invariant: at most one node of the folder is open at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::MetaError;
use tokio::sync::watch;

use super::{Counters, StartError};
use crate::raft::{Node, NodeCounters, NodeOptions, Remains};

/// The wait before a node is opened again: doubles from the first to the last.
const REOPEN_AFTER_MIN: Duration = Duration::from_millis(100);
const REOPEN_AFTER_MAX: Duration = Duration::from_secs(5);
/// How often, and how many times, it is looked whether a closed node's files are released.
const RELEASE_POLL: Duration = Duration::from_millis(10);
const RELEASE_POLLS_MAX: u32 = 1000;

/// Who serves now.
#[derive(Clone)]
enum Life {
    Serving(Arc<Node>),
    Down(String),
    Stopped,
}

/// A node through all its lives.
pub(super) struct Lives {
    options: NodeOptions,
    now: watch::Sender<Life>,
    stop: watch::Sender<bool>,
    before: Mutex<NodeCounters>,
    restarts: AtomicU64,
}

impl Lives {
    /// Opens the node for the first time; what goes wrong here is for the operator.
    pub(super) async fn begin(options: NodeOptions) -> Result<Arc<Self>, StartError> {
        let node = Arc::new(Node::open(options.clone()).await?);
        // Whatever is opened later isn't new any more.
        let options = NodeOptions { in_use: true, ..options };
        let (now, stop) = (watch::Sender::new(Life::Serving(node)), watch::Sender::new(false));
        Ok(Arc::new(Self { options, now, stop, before: Mutex::default(), restarts: AtomicU64::new(0) }))
    }

    /// The node that serves now, or why none does.
    pub(super) fn node(&self) -> Result<Arc<Node>, MetaError> {
        match &*self.now.borrow() {
            Life::Serving(node) => Ok(node.clone()),
            Life::Down(why) => Err(MetaError::Unavailable(why.clone())),
            Life::Stopped => Err(MetaError::Unavailable("the metadata service was stopped".into())),
        }
    }

    /// Asks all tasks to end.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until [`Lives::stop`] was called.
    pub(super) async fn stopped(&self) {
        // An error would mean that the sender is gone, and it lives as long as `self`.
        drop(self.stop.subscribe().wait_for(|stop| *stop).await);
    }

    /// Watches the node, and opens it again when it fails, until stopped; then closes it.
    pub(super) async fn supervise(self: Arc<Self>) {
        while let Ok(node) = self.node() {
            let why = tokio::select! {
                why = node.failure() => why,
                () = self.stopped() => {
                    self.close(node, Life::Stopped).await;
                    return;
                }
            };
            tracing::error!("the metadata service is down: {why}");
            self.close(node, Life::Down(why)).await;
            if !self.reopen().await {
                self.now.send_replace(Life::Stopped);
                return;
            }
        }
    }

    /// Tells callers first, then closes the node and waits until nobody has its files open.
    async fn close(&self, node: Arc<Node>, next: Life) {
        self.now.send_replace(next);
        node.close().await;
        self.keep_counters(node.counters());
        let remains = node.remains();
        drop(node);
        wait_for_release(&remains).await;
    }

    /// Tries until the node is open again. → false when stopped meanwhile
    async fn reopen(&self) -> bool {
        let mut wait = REOPEN_AFTER_MIN;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stopped() => return false,
            }
            match Node::open(self.options.clone()).await {
                Ok(node) => {
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    self.now.send_replace(Life::Serving(Arc::new(node)));
                    tracing::info!("the metadata service is up again");
                    return true;
                }
                Err(error) => {
                    tracing::warn!("the metadata service is still down: {error}");
                    self.now.send_replace(Life::Down(error.to_string()));
                    wait = (wait * 2).min(REOPEN_AFTER_MAX);
                }
            }
        }
    }

    /// All lives' counters together.
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

/// Reads that began before the end, and Raft's last tasks, let go of the files one after the other.
async fn wait_for_release(remains: &Remains) {
    for _ in 0..RELEASE_POLLS_MAX {
        if remains.are_gone() {
            return;
        }
        tokio::time::sleep(RELEASE_POLL).await;
    }
    tracing::warn!("a closed node still has its files open");
}
