//! `kill -9` in the middle of 64 parallel writers, many times over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tests::{TestServer, s3_client};

const ROUNDS: usize = 8;
const WRITERS: usize = 64;
/// How many writes are acknowledged in a round before the server is killed.
const ACKNOWLEDGED: usize = 400;

/// What the writers of one round know.
#[derive(Default)]
struct Written {
    acknowledged: Vec<String>,
    in_doubt: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_object_survives_and_none_is_half_there() {
    let mut server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://faults"]);
    for round in 0..ROUNDS {
        let written = write_until_killed(&mut server, round).await;
        assert!(written.acknowledged.len() >= ACKNOWLEDGED, "the writers wrote");
        server.start_again();
        verify(&server, &written).await;
        verify_commits(&server, round).await;
    }
    server.lakebed_ok(&["commit", "lakebed://faults/main", "-m", "all of it", "--allow-empty"]);
    assert!(server.stop(), "a server that is asked to end ends well");
}

async fn write_until_killed(server: &mut TestServer, round: usize) -> Written {
    let s3 = Arc::new(s3_client(server, "faults"));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(s3.clone(), format!("main/{round}/{writer}"), acknowledged.clone())))
        .collect();
    let mut commits = 0;
    while acknowledged.load(Ordering::SeqCst) < ACKNOWLEDGED {
        // Commits run beside the writers, so that some are under way at the end.
        server.lakebed(&["commit", "lakebed://faults/main", "-m", &format!("round {round}, commit {commits}")]);
        commits += 1;
    }
    server.kill();
    let mut all = Written::default();
    for written in join_all(writers).await {
        let written = written.expect("a writer doesn't panic");
        all.acknowledged.extend(written.acknowledged);
        all.in_doubt.extend(written.in_doubt);
    }
    all
}

/// Writes object after object until the server is gone.
async fn write(s3: Arc<AmazonS3>, prefix: String, acknowledged: Arc<AtomicUsize>) -> Written {
    let mut written = Written::default();
    for n in 0.. {
        let key = format!("{prefix}/{n}");
        match s3.put(&Path::from(key.as_str()), content(&key).into()).await {
            Ok(_) => {
                written.acknowledged.push(key);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => {
                written.in_doubt.push(key);
                break;
            }
        }
    }
    written
}

/// The bytes that a key must have: from a few to some hundred thousand.
fn content(key: &str) -> Vec<u8> {
    let n: usize = key.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap_or_default();
    let repeat = [1, 10, 1_000, 10_000][n % 4];
    format!("{key}|").repeat(repeat).into_bytes()
}

async fn verify(server: &TestServer, written: &Written) {
    let s3 = &s3_client(server, "faults");
    futures::stream::iter(&written.acknowledged)
        .for_each_concurrent(16, |key| async move {
            let got = s3.get(&Path::from(key.as_str())).await.unwrap_or_else(|e| panic!("{key} was acknowledged: {e}"));
            assert!(got.bytes().await.unwrap() == content(key), "{key} has other bytes");
        })
        .await;
    for key in &written.in_doubt {
        match s3.get(&Path::from(key.as_str())).await {
            Ok(got) => assert!(got.bytes().await.unwrap() == content(key), "{key} is half there"),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => panic!("{key}: {error}"),
        }
    }
}

/// The newest commit can be listed and read in whole.
async fn verify_commits(server: &TestServer, round: usize) {
    let log = server.lakebed_ok(&["log", "lakebed://faults/main", "--json"]);
    let head: serde_json::Value = serde_json::from_str(log.lines().next().expect("there is a commit")).unwrap();
    let id = head["id"].as_str().expect("a commit has an id");
    let s3 = s3_client(server, "faults");
    let prefix = Path::from(format!("{id}/{round}"));
    let objects: Vec<_> = s3.list(Some(&prefix)).try_collect().await.unwrap();
    for object in objects {
        let bytes = s3.get(&object.location).await.unwrap().bytes().await.unwrap();
        let key = object.location.as_ref().replacen(id, "main", 1);
        assert!(bytes == content(&key), "{} has other bytes", object.location);
    }
}
