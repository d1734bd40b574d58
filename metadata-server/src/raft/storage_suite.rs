//! Openraft's own storage suite, run against the real log and state.

use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use super::faults::Faults;
use super::log_store::LogStore;
use super::snapshot::Snapshots;
use super::state_adapter::StateAdapter;
use super::types::TypeConfig;
use crate::state::StateOptions;
use crate::state_machine::StateMachine;

struct RealStores;

impl StoreBuilder<TypeConfig, LogStore, StateAdapter, TempDir> for RealStores {
    async fn build(&self) -> Result<(TempDir, LogStore, StateAdapter), StorageError<TypeConfig>> {
        let folder = tempfile::tempdir().unwrap();
        let log = LogStore::open(&folder.path().join("log"), Faults::none()).unwrap();
        let dir = folder.path().join("state");
        let state = Arc::new(StateMachine::open(&dir, StateOptions::default()).unwrap());
        let snapshots = Snapshots::open(&folder.path().join("snapshots")).unwrap();
        let adapter = StateAdapter::new(state, dir, log.clone(), snapshots, "suite", Faults::none()).unwrap();
        Ok((folder, log, adapter))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_suite_passes() {
    Suite::test_all(RealStores).await.unwrap();
}
