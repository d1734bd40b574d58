//! The client passes what every `MetaStore` must pass.

use std::sync::Arc;

use model::MetaStore;

use crate::support::{client, with_node};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_conforms() {
    with_node(None, |port| async move {
        let store: Arc<dyn MetaStore> = Arc::new(client(&[format!("http://127.0.0.1:{port}")], None));
        metadata_server::conformance::suite(|| async { store.clone() }).await;
    })
    .await;
}
