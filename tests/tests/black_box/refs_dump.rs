//! Refs that one installation writes down and another makes anew over the same object store.

use serde_json::{Value, json};
use tests::{FaultyStore, Settings, TestServer};

/// A server over the store, with metadata of its own.
async fn server(store: &FaultyStore) -> TestServer {
    let settings = Settings { args: store.args(), env: store.env(), ..Settings::default() };
    tokio::task::spawn_blocking(|| TestServer::with(settings)).await.unwrap()
}

fn lines(server: &TestServer, args: &[&str]) -> Vec<Value> {
    let text = tokio::task::block_in_place(|| server.lakebed_ok(&[args, &["--json"]].concat()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn commits(server: &TestServer, reference: &str) -> Vec<Value> {
    lines(server, &["log", reference])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_installation_restores_refs_over_the_same_objects() {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultyStore::start(&folder.path().join("store")).await;
    let (first, second) = (server(&store).await, server(&store).await);
    let run = |server: &TestServer, args: &[&str]| tokio::task::block_in_place(|| server.lakebed_ok(args));
    let file = folder.path().join("file.json");
    let file = file.to_str().unwrap();
    std::fs::write(file, "the bytes of an object").unwrap();
    run(&first, &["repo", "create", "lakebed://trips"]);
    for branch in ["main", "dev"] {
        if branch == "dev" {
            run(&first, &["branch", "create", "lakebed://trips/dev", "--source", "main"]);
        }
        run(&first, &["fs", "upload", file, &format!("lakebed://trips/{branch}/of-{branch}")]);
        run(&first, &["commit", &format!("lakebed://trips/{branch}"), "-m", branch]);
    }
    run(&first, &["tag", "create", "lakebed://trips/v1", "--source", "dev"]);
    std::fs::write(file, run(&first, &["refs", "dump", "lakebed://trips"])).unwrap();

    let namespace = lines(&first, &["repo", "show", "lakebed://trips"])[0]["storage_namespace"].clone();
    let bare = ["repo", "create", "lakebed://copy", "--bare", "--storage-namespace", namespace.as_str().unwrap()];
    run(&second, &bare);
    assert_eq!(lines(&second, &["branch", "list", "lakebed://copy"]), [Value::Null; 0]);
    let restored = lines(&second, &["refs", "restore", "lakebed://copy", "--from", file]);
    assert_eq!(restored, [json!({ "branches": 2, "tags": 1, "commits": 3 })]);
    for reference in ["main", "dev", "v1"] {
        let both = [(&first, "trips"), (&second, "copy")];
        let [before, after] = both.map(|(server, name)| commits(server, &format!("lakebed://{name}/{reference}")));
        assert_eq!(before, after, "{reference}");
    }
    assert_eq!(run(&second, &["fs", "cat", "lakebed://copy/v1/of-dev"]), "the bytes of an object");
    let checked = run(&second, &["fsck", "lakebed://copy"]);
    assert!(!checked.contains("missing"), "{checked}");
    let refused =
        tokio::task::block_in_place(|| second.lakebed(&["refs", "restore", "lakebed://copy", "--from", "/dev/null"]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("isn't what refs dump prints"), "{refused:?}");
}
