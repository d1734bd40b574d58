//! How openraft is set. Owns every bound and interval of it, and why its default is wrong for us.

use std::sync::Arc;

use openraft::{Config, ConfigError, SnapshotPolicy};

/// Log entries between two snapshots. A snapshot flushes the state, and each entry is small.
const SNAPSHOT_ENTRIES: u64 = 500_000;
/// Log entries kept after a snapshot, so that a node that was away for a while needs no snapshot.
const KEPT_ENTRIES: u64 = 500_000;
/// Entries purged at once: purging by ones would write a range tombstone for each.
const PURGE_ENTRIES: u64 = 10_000;
/// Heartbeats and elections: far from what a slow disk or a busy scheduler does to a healthy node.
const HEARTBEAT_MS: u64 = 250;
const ELECTION_MS_MIN: u64 = 1_000;
const ELECTION_MS_MAX: u64 = 2_000;
/// A snapshot may take this long to install; the default of 200 ms is for tests.
const SNAPSHOT_INSTALL_MS: u64 = 600_000;
/// Entries in one message to another node.
const PAYLOAD_ENTRIES_MAX: u64 = 4_096;

/// The settings of a node of this cluster.
pub(crate) fn config(cluster: &str) -> Result<Arc<Config>, ConfigError> {
    let config = Config {
        cluster_name: cluster.into(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MS_MIN,
        election_timeout_max: ELECTION_MS_MAX,
        install_snapshot_timeout: SNAPSHOT_INSTALL_MS,
        max_payload_entries: PAYLOAD_ENTRIES_MAX,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_ENTRIES),
        max_in_snapshot_log_to_keep: KEPT_ENTRIES,
        replication_lag_threshold: KEPT_ENTRIES,
        purge_batch_size: PURGE_ENTRIES,
        // A node that was cut off mustn't depose a healthy leader when it comes back.
        enable_pre_vote: Some(true),
        quorum_loss_probe_interval: Some(2 * ELECTION_MS_MAX),
        // The state is flushed lazily and the commit index isn't kept: after a restart, only an election and a new
        // entry tell what was committed.
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    config.validate().map(Arc::new)
}

#[cfg(test)]
mod tests {
    #[test]
    fn openraft_takes_the_settings() {
        super::config("test").unwrap();
    }
}
