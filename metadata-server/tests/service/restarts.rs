//! Orderly ends and new beginnings.

use model::MetaError;

use crate::support::{create_branch, create_repository, has_branch, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    create_repository(&*server.store()).await;
    for name in ["one", "two", "three"] {
        create_branch(&*server.store(), name).await.unwrap();
    }
    server.shutdown().await;

    let server = start(folder.path()).await;
    assert_eq!(server.counters().applied, 0, "a shutdown leaves nothing to apply again");
    for name in ["main", "one", "two", "three"] {
        assert!(has_branch(&*server.store(), name).await, "{name}");
    }
    create_branch(&*server.store(), "four").await.unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_outlive_the_service_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let store = server.store();
    create_repository(&*store).await;
    server.shutdown().await;
    let error = create_branch(&*store, "late").await.unwrap_err();
    assert!(matches!(&error, MetaError::Unavailable(why) if why.contains("stopped")), "{error}");
    assert!(!has_branch(&*store, "main").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_server_frees_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    create_repository(&*server.store()).await;
    drop(server);
    // The node closes in the background; until then the folder is taken.
    let again = async {
        loop {
            match metadata_server::MetadataServer::start(crate::support::options(folder.path())).await {
                Ok(server) => return server,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    };
    let server = tokio::time::timeout(std::time::Duration::from_secs(60), again).await.unwrap();
    assert!(has_branch(&*server.store(), "main").await);
    server.shutdown().await;
}
