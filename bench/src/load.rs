//! Closed-loop load: so many connections, each sending its next request when the last is answered. Invariant: a slice
//! ends with every answer read, so no work of one slice falls into the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::client::{Connection, Request};
use crate::interleave::Slice;
use crate::process;

/// Makes the request of a number; numbers are never used twice.
pub(crate) type Requests = Arc<dyn Fn(u64) -> Request + Send + Sync>;

/// How much load, and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Connections, each with one request under way.
    pub(crate) connections: usize,
    /// When no further request is sent.
    pub(crate) time: Duration,
    /// After how many no further request is sent.
    pub(crate) operations_max: u64,
}

impl Load {
    /// For so long, with no other end.
    pub(crate) fn during(connections: usize, time: Duration) -> Self {
        Self { connections, time, operations_max: u64::MAX }
    }

    /// So many requests.
    pub(crate) fn count(connections: usize, operations_max: u64) -> Self {
        Self { connections, time: Duration::MAX, operations_max }
    }
}

/// What the tasks of a slice share.
struct Shared {
    requests: Requests,
    /// The number of the next request; goes on from slice to slice.
    next: Arc<AtomicU64>,
    taken: AtomicU64,
    done: AtomicU64,
}

/// Loads one server.
#[derive(Clone)]
pub(crate) struct Loader {
    requests: Requests,
    next: Arc<AtomicU64>,
}

impl Loader {
    /// Sends what `requests` makes of 0, 1, 2, ….
    pub(crate) fn new(requests: impl Fn(u64) -> Request + Send + Sync + 'static) -> Self {
        Self { requests: Arc::new(requests), next: Arc::default() }
    }

    /// Runs one slice against a server.
    pub(crate) async fn run(&self, server: &Child, load: Load) -> Result<Slice> {
        let mut connections = Vec::with_capacity(load.connections);
        for _ in 0..load.connections {
            connections.push(Connection::open(server.host()).await?);
        }
        let (taken, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let shared = Arc::new(Shared { requests: self.requests.clone(), next: self.next.clone(), taken, done });
        let own = std::process::id();
        let counts = server.counts().await?;
        let (cpu, client_cpu) = (process::cpu_seconds(server.pid())?, process::cpu_seconds(own)?);
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in connections {
            tasks.spawn(drive(connection, shared.clone(), begun, load));
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (cpu, client_cpu) = (process::cpu_seconds(server.pid())? - cpu, process::cpu_seconds(own)? - client_cpu);
        let (operations, counts) = (shared.done.load(Ordering::Relaxed), server.counts().await?.since(&counts));
        Ok(Slice { operations, seconds, cpu, client_cpu, counts })
    }
}

async fn drive(mut connection: Connection, shared: Arc<Shared>, begun: Instant, load: Load) -> Result<()> {
    while begun.elapsed() < load.time && shared.taken.fetch_add(1, Ordering::Relaxed) < load.operations_max {
        let request = (shared.requests)(shared.next.fetch_add(1, Ordering::Relaxed));
        connection.call(&request).await?;
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
