//! An object store that answers 500, 503, half a body or nothing: clear errors, nothing lost, and service again once the
//! cause is gone.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use tests::{Fault, FaultyStore, Settings, TestServer, s3_client};

/// A server over the store, which gives it up soon: the bound of silence is an option like any other.
async fn server(store: &FaultyStore) -> TestServer {
    let mut args = store.args();
    args.extend(["--object-store-option".to_owned(), "timeout=2 seconds".to_owned()]);
    let settings = Settings { args, env: store.env(), ..Settings::default() };
    tokio::task::spawn_blocking(|| TestServer::with(settings)).await.unwrap()
}

async fn lakebed(server: &std::sync::Arc<TestServer>, args: &[&str]) -> std::process::Output {
    let (server, args) = (server.clone(), args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
    tokio::task::spawn_blocking(move || server.lakebed(&args.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .unwrap()
}

async fn survives(fault: Fault) {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultyStore::start(folder.path()).await;
    let server = std::sync::Arc::new(server(&store).await);
    assert!(lakebed(&server, &["repo", "create", "lakebed://faults"]).await.status.success(), "{}", server.log());
    let s3 = s3_client(&server, "faults");
    let big: Vec<u8> = b"0123456789abcdef".repeat(1 << 16);
    s3.put(&Path::from("main/before"), big.clone().into()).await.unwrap();
    assert!(lakebed(&server, &["commit", "lakebed://faults/main", "-m", "before"]).await.status.success());
    s3.put(&Path::from("main/staged"), "staged".into()).await.unwrap();

    store.set(fault);
    let error = s3.put(&Path::from("main/during"), "x".into()).await.expect_err("nothing can be stored");
    assert!(!matches!(error, object_store::Error::NotFound { .. }), "a fault isn't an absence: {error}");
    match s3.get(&Path::from("main/before")).await {
        Ok(got) => {
            let bytes = got.bytes().await;
            assert!(bytes.is_err() || bytes.unwrap() == big, "a wrong answer under {fault:?}");
        }
        Err(error) => assert!(!matches!(error, object_store::Error::NotFound { .. }), "nor for reads: {error}"),
    }
    let commit = lakebed(&server, &["commit", "lakebed://faults/main", "-m", "during"]).await;
    let stderr = String::from_utf8_lossy(&commit.stderr).into_owned();
    assert!(!commit.status.success() && stderr.contains("object store"), "the error names the cause: {stderr}");
    assert!(store.failed() > 0, "the fault was met");

    store.set(Fault::None);
    assert_eq!(s3.get(&Path::from("main/before")).await.unwrap().bytes().await.unwrap(), big);
    assert_eq!(s3.get(&Path::from("main/staged")).await.unwrap().bytes().await.unwrap(), "staged".as_bytes());
    let absent = s3.get(&Path::from("main/during")).await;
    assert!(matches!(absent, Err(object_store::Error::NotFound { .. })), "what failed isn't there");
    s3.put(&Path::from("main/during"), "after".into()).await.expect("service again");
    let commit = lakebed(&server, &["commit", "lakebed://faults/main", "-m", "after"]).await;
    assert!(commit.status.success(), "{}{}", String::from_utf8_lossy(&commit.stderr), server.log());
    assert_eq!(s3.get(&Path::from("main@/during")).await.unwrap().bytes().await.unwrap(), "after".as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_500() {
    survives(Fault::InternalError).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_503() {
    survives(Fault::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_breaks_off_in_a_body() {
    survives(Fault::HalfBody).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_never_answers() {
    survives(Fault::Silence).await;
}
