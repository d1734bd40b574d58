//! Refs that one installation writes down and another makes anew over the same object store.

use serde_json::{Value, json};
use tests::{FaultyStore, ServerProcess, Settings, TestServer};

/// A server over the store, with metadata of its own.
async fn server(store: &FaultyStore, more: &[&str]) -> TestServer {
    let args = store.args().into_iter().chain(more.iter().map(|arg| (*arg).to_owned())).collect();
    let settings = Settings { args, env: store.env(), ..Settings::default() };
    tokio::task::spawn_blocking(|| TestServer::with(settings)).await.unwrap()
}

/// Why another server over the store doesn't start.
fn refusal(store: &FaultyStore) -> String {
    let folder = tempfile::tempdir().unwrap();
    let args = ["run", "--listen", "127.0.0.1:0"].map(str::to_owned).into_iter().chain(store.args());
    let (args, env) = (args.collect::<Vec<_>>(), store.env());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    tokio::task::block_in_place(|| ServerProcess::start(&args, &env, folder.path(), "log").err().expect("refused"))
}

fn lines(server: &TestServer, args: &[&str]) -> Vec<Value> {
    let text = tokio::task::block_in_place(|| server.lakebed_ok(&[args, &["--json"]].concat()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn commits(server: &TestServer, reference: &str) -> Vec<Value> {
    lines(server, &["log", reference])
}

#[test]
fn a_dump_is_restored_where_its_repository_was() {
    super::cli::run("dumps.txt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_installation_takes_the_store_over_and_restores_refs() {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultyStore::start(&folder.path().join("store")).await;
    let mut first = server(&store, &[]).await;
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
    let before: Vec<_> =
        ["main", "dev", "v1"].map(|reference| commits(&first, &format!("lakebed://trips/{reference}"))).into();

    // The first one's metadata are lost. A new server takes its store only when told whose it is.
    first.kill();
    let refused = refusal(&store);
    let whose = refused.split("--take-over ").nth(1).and_then(|rest| rest.split(';').next()).expect("it says how");
    let second = server(&store, &["--take-over", whose]).await;
    let bare = ["repo", "create", "lakebed://copy", "--bare", "--storage-namespace", namespace.as_str().unwrap()];
    run(&second, &bare);
    assert_eq!(lines(&second, &["branch", "list", "lakebed://copy"]), [Value::Null; 0]);
    let restored = lines(&second, &["refs", "restore", "lakebed://copy", "--from", file]);
    assert_eq!(restored, [json!({ "branches": 2, "tags": 1, "commits": 3 })]);
    for (reference, before) in ["main", "dev", "v1"].iter().zip(before) {
        assert_eq!(commits(&second, &format!("lakebed://copy/{reference}")), before, "{reference}");
    }
    let late = tokio::task::block_in_place(|| first.try_start()).expect_err("the store is the other's now");
    assert!(late.contains("--take-over"), "{late}");
    assert_eq!(run(&second, &["fs", "cat", "lakebed://copy/v1/of-dev"]), "the bytes of an object");
    let checked = run(&second, &["fsck", "lakebed://copy"]);
    assert!(!checked.contains("missing"), "{checked}");
    let refused =
        tokio::task::block_in_place(|| second.lakebed(&["refs", "restore", "lakebed://copy", "--from", "/dev/null"]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("isn't what refs dump prints"), "{refused:?}");
}
