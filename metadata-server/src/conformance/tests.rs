//! Tests of `conformance`.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use model::{Answer, Clock, Command, MetaError, Outcome, Query, SystemClock};
use tempfile::TempDir;

use super::*;
use crate::{Applied, MemoryMetaStore, StateMachine, StateOptions};

/// The state machine alone, without Raft: one command is one entry.
struct Alone {
    state: StateMachine,
    index: AtomicU64,
    _dir: TempDir,
}

impl Alone {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateMachine::open(&Path::join(dir.path(), "state"), StateOptions::default()).unwrap();
        Self { state, index: AtomicU64::new(0), _dir: dir }
    }
}

#[async_trait]
impl MetaStore for Alone {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        crate::check_bounds(&command)?;
        // Commands take turns, as they would in a log.
        static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _turn = TURN.lock().unwrap();
        let index = self.index.fetch_add(1, Ordering::Relaxed) + 1;
        let command = Some((SystemClock.now(), command));
        let mut outcomes = self.state.apply(&[Applied { index, raft: Bytes::new(), command }]).unwrap();
        self.state.reclaim(1).unwrap();
        Ok(outcomes.remove(0))
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        Ok(self.state.read(&query).unwrap())
    }
}

fn memory() -> Arc<dyn MetaStore> {
    Arc::new(MemoryMetaStore::new(Arc::new(SystemClock)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twin_passes() {
    suite(async || memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twin_passes_with_all_scenarios_in_one_store() {
    let store = memory();
    suite(async || Arc::clone(&store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_machine_passes() {
    let store: Arc<dyn MetaStore> = Arc::new(Alone::new());
    suite(async || Arc::clone(&store)).await;
}
