//! Physical removal of what dropped staging tokens and deleted repositories left behind. Owns its pace; `state` does
//! it. It is each node's own business, outside Raft: what is dropped is invisible already.

use std::sync::Arc;
use std::time::Duration;

use super::supervisor::Supervisor;

/// How often it is looked for work when there was none.
const IDLE: Duration = Duration::from_secs(10);
/// The pause between two pieces of work, so that users' requests come first.
const PAUSE: Duration = Duration::from_millis(200);
/// How many tokens or repositories one piece of work removes.
const PIECE: usize = 16;

/// Removes piece by piece until stopped.
pub(super) async fn run(supervisor: Arc<Supervisor>) {
    let mut pause = PAUSE;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = supervisor.stopped() => return,
        }
        // While the node is down there is nothing to do.
        let Ok(node) = supervisor.node() else { continue };
        pause = match node.reclaim(PIECE).await {
            Ok(true) => PAUSE,
            Ok(false) => IDLE,
            Err(error) => {
                tracing::warn!(%error, "dropped staging tokens can't be removed now");
                IDLE
            }
        };
    }
}
