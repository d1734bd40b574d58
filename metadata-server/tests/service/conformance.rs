//! The in-process handle passes what every `MetaStore` must pass.

use crate::support::start;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_in_process_handle_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    metadata_server::conformance::suite(|| async { server.store() }).await;
    server.shutdown().await;
}
