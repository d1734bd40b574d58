//! What a server counts: requests to the object store, questions and commands to the metadata service, entries and fsyncs
//! of its log. Invariant: counting changes nothing of what is counted but a few atomic additions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};
use serde::{Deserialize, Serialize};
use storage::testing::{Counters, Verb};

/// Counters since the start, or between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Requests to the object store that read.
    pub(crate) store_reads: u64,
    /// All other requests to the object store.
    pub(crate) store_writes: u64,
    /// Questions to the metadata service on a request's way.
    pub(crate) lookups: u64,
    /// Questions that refresh what is remembered for five seconds: who calls and what they may, where a repository lives.
    pub(crate) refreshes: u64,
    /// Commands to the metadata service.
    pub(crate) commands: u64,
    /// Entries written to its log.
    pub(crate) log_entries: u64,
    /// Synced writes of its log.
    pub(crate) log_fsyncs: u64,
}

impl Counts {
    /// What was counted since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        self.each(before, |now, before| now - before)
    }

    /// Both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        self.each(other, |one, other| one + other)
    }

    fn each(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            store_reads: combine(self.store_reads, other.store_reads),
            store_writes: combine(self.store_writes, other.store_writes),
            lookups: combine(self.lookups, other.lookups),
            refreshes: combine(self.refreshes, other.refreshes),
            commands: combine(self.commands, other.commands),
            log_entries: combine(self.log_entries, other.log_entries),
            log_fsyncs: combine(self.log_fsyncs, other.log_fsyncs),
        }
    }

    /// Requests to the object store.
    pub(crate) fn store_requests(&self) -> u64 {
        self.store_reads + self.store_writes
    }

    /// Takes over the object store's counters.
    pub(super) fn with_store(self, counters: &Counters) -> Self {
        let store_reads = counters.requests(Verb::Get) + counters.requests(Verb::Head);
        Self { store_reads, store_writes: counters.all_requests() - store_reads, ..self }
    }
}

/// What was asked of a metadata service.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    lookups: AtomicU64,
    refreshes: AtomicU64,
    commands: AtomicU64,
}

impl Asked {
    /// Questions so far that weren't refreshes.
    pub(crate) fn lookups(&self) -> u64 {
        self.lookups.load(Relaxed)
    }

    /// Takes them over.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            lookups: self.lookups.load(Relaxed),
            refreshes: self.refreshes.load(Relaxed),
            commands: self.commands.load(Relaxed),
            ..Counts::default()
        }
    }
}

/// Counts what is asked of a metadata service.
pub(crate) struct CountingMeta {
    /// The service.
    pub(crate) meta: Arc<dyn MetaStore>,
    /// Counted up.
    pub(crate) asked: Arc<Asked>,
}

#[async_trait]
impl MetaStore for CountingMeta {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.asked.commands.fetch_add(1, Relaxed);
        self.meta.write(command).await
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        let counter = match query {
            Query::GetRepository(_) | Query::GetCredential(_) | Query::GetAccess(_) => &self.asked.refreshes,
            _ => &self.asked.lookups,
        };
        counter.fetch_add(1, Relaxed);
        self.meta.read(query).await
    }
}
