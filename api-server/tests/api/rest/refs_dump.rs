//! Dumps and restores of refs, and where the files of trees lie.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::{Value, json};

use super::TRIPS;
use crate::jobs::quick;
use crate::lake::{TestLake, until};

/// `trips` with branches, a merge and tags, uncommitted changes too; its dump; and then it is gone.
async fn dumped() -> (TestLake, Value, Vec<Value>) {
    let lake = TestLake::with_jobs(quick()).await;
    for path in ["a", "b"] {
        lake.put("main", path, path).await;
        lake.commit("main", path).await;
    }
    lake.branch_off("dev", "main~1").await;
    lake.put("dev", "c", "c").await;
    lake.commit("dev", "c").await;
    lake.merge("dev", "main").await.unwrap();
    lake.branch_off("same", "main").await;
    lake.post(&format!("{TRIPS}/tags"), json!({ "id": "v1.0", "ref": "dev" })).await.json(201);
    lake.put("main", "uncommitted", "x").await;
    let dump = lake.call("PUT", &format!("{TRIPS}/refs/dump")).send().await.json(201);
    let before = seen(&lake).await;
    assert_eq!(lake.call("DELETE", TRIPS).send().await.status, 204);
    (lake, dump, before)
}

/// All that clients see of refs and history.
async fn seen(lake: &TestLake) -> Vec<Value> {
    let mut seen = Vec::new();
    for what in
        ["branches", "tags", "refs/main/commits", "refs/dev/commits", "refs/v1.0/objects/ls", "refs/main@/objects/ls"]
    {
        seen.push(lake.get(&format!("{TRIPS}/{what}")).await.json(200));
    }
    seen
}

async fn make_bare(lake: &TestLake, default_branch: &str) {
    let body = json!({ "name": "trips", "storage_namespace": "mem://trips", "default_branch": default_branch });
    lake.post("/api/v1/repositories?bare=true", body).await.json(201);
    assert_eq!(lake.get(&format!("{TRIPS}/branches")).await.json(200)["results"], json!([]));
}

async fn restore(lake: &TestLake, dump: &Value) -> super::Answer {
    lake.call("PUT", &format!("{TRIPS}/refs/restore")).json(dump).send().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_is_what_was_dumped() {
    let (lake, dump, before) = dumped().await;
    make_bare(&lake, "main").await;
    assert_eq!(restore(&lake, &dump).await.status, 200);
    assert_eq!(seen(&lake).await, before);
    assert_eq!(lake.read("main", "c").await.unwrap(), "c");
    assert_eq!(lake.paths("main").await, ["a", "b", "c"], "what was uncommitted isn't in a dump");
    lake.put("main", "d", "d").await;
    lake.commit("main", "goes on").await;
    let refused = restore(&lake, &dump).await;
    assert!(refused.message(400).contains("refs that aren't the dump's (main)"));
    let again = lake.call("PUT", &format!("{TRIPS}/refs/dump")).send().await.json(201);
    assert_eq!(again["tags_meta_range_id"], dump["tags_meta_range_id"], "equal content, equal id");
    assert_ne!(again["commits_meta_range_id"], dump["commits_meta_range_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dumps_and_restores_are_begun_and_asked_after() {
    let (lake, dump, before) = dumped().await;
    make_bare(&lake, "main").await;
    let ended = async |what: &str, body: Option<&Value>| {
        let at = format!("{TRIPS}/{what}");
        let call = lake.call("POST", &at);
        let begun = match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        };
        let status = format!("{at}?task_id={}", begun.json(202)["id"].as_str().unwrap());
        until("a task ends", async || lake.get(&status).await.json(200)["done"] == true).await;
        lake.get(&status).await.json(200)
    };
    let wrong = json!({
        "commits_meta_range_id": dump["tags_meta_range_id"], "tags_meta_range_id": dump["tags_meta_range_id"],
        "branches_meta_range_id": dump["branches_meta_range_id"],
    });
    let mixed_up = ended("restore", Some(&wrong)).await;
    assert!(mixed_up["error"].as_str().unwrap().contains("mixed up"), "{mixed_up}");
    let restored = ended("restore", Some(&dump)).await;
    assert_eq!((&restored["error"], seen(&lake).await), (&Value::Null, before));
    assert_eq!(ended("dump", None).await["refs"], dump, "equal refs, equal dump");
    assert_eq!(lake.get(&format!("{TRIPS}/dump?task_id=none")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_damaged_or_incomplete_changes_nothing() {
    let (lake, dump, before) = dumped().await;
    make_bare(&lake, "main").await;
    let store = std::sync::Arc::clone(&lake.store);
    let all: Vec<_> =
        futures::TryStreamExt::try_collect(store.list(Some(&Path::from("trips/_lakebed/dumps")))).await.unwrap();
    assert_eq!(all.len(), 6, "three lists, and a part of each");
    for found in &all {
        let path = &found.location;
        let whole = store.get(path).await.unwrap().bytes().await.unwrap();
        let mut damaged = whole.to_vec();
        damaged[whole.len() / 2] ^= 1;
        for bad in [None, Some(damaged), Some(whole[..whole.len() - 1].to_vec()), Some(Vec::new())] {
            match bad {
                Some(bytes) => drop(store.put(path, bytes.into()).await.unwrap()),
                None => store.delete(path).await.unwrap(),
            }
            let answer = restore(&lake, &dump).await;
            assert!(answer.status.is_client_error() || answer.status.is_server_error(), "{path}");
            assert!(!answer.json(answer.status.as_u16())["message"].as_str().unwrap().is_empty());
            for refs in ["branches", "tags"] {
                let left = lake.get(&format!("{TRIPS}/{refs}")).await.json(200);
                assert_eq!(left["results"], json!([]), "{path}: nothing was made");
            }
        }
        store.put(path, whole.into()).await.unwrap();
    }
    let unknown = "ab".repeat(32);
    let nothing = json!({
        "commits_meta_range_id": unknown, "tags_meta_range_id": unknown, "branches_meta_range_id": unknown,
    });
    assert!(restore(&lake, &nothing).await.message(400).contains("there is no dump"));
    assert_eq!(
        restore(
            &lake,
            &json!({ "commits_meta_range_id": "x", "tags_meta_range_id": "", "branches_meta_range_id": "" })
        )
        .await
        .status,
        400
    );
    assert_eq!(restore(&lake, &dump).await.status, 200);
    assert_eq!(seen(&lake).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_looks_for_what_refs_need_and_writes_lost_commits_again() {
    let (lake, dump, before) = dumped().await;
    let store = std::sync::Arc::clone(&lake.store);
    let log = before[2]["results"].as_array().unwrap();
    let tree = Path::from(format!("trips/_lakebed/metaranges/{}.sst", log[0]["meta_range_id"].as_str().unwrap()));
    let commit = Path::from(format!("trips/_lakebed/commits/{}", log.last().unwrap()["id"].as_str().unwrap()));
    let (tree_bytes, commit_bytes) = (
        store.get(&tree).await.unwrap().bytes().await.unwrap(),
        store.get(&commit).await.unwrap().bytes().await.unwrap(),
    );
    make_bare(&lake, "other").await;
    assert!(restore(&lake, &dump).await.message(400).contains("no branch other"));
    assert_eq!(lake.call("DELETE", TRIPS).send().await.status, 204);
    make_bare(&lake, "main").await;
    store.delete(&tree).await.unwrap();
    assert_eq!(restore(&lake, &dump).await.status, 500);
    assert_eq!(lake.get(&format!("{TRIPS}/branches")).await.json(200)["results"], json!([]));
    store.put(&tree, tree_bytes.into()).await.unwrap();

    store.put(&commit, "damaged".into()).await.unwrap();
    assert_eq!(restore(&lake, &dump).await.status, 200);
    assert_eq!(store.get(&commit).await.unwrap().bytes().await.unwrap(), commit_bytes);
    store.delete(&commit).await.unwrap();
    assert_eq!(restore(&lake, &dump).await.status, 200, "it is the same again");
    assert_eq!(store.get(&commit).await.unwrap().bytes().await.unwrap(), commit_bytes);
    assert_eq!(seen(&lake).await, before);
}

#[tokio::test]
async fn files_of_trees_say_where_they_lie() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "a").await;
    let tree = lake.get(&format!("{TRIPS}/commits/main")).await.json(200)["meta_range_id"].as_str().unwrap().to_owned();
    let at = lake.get(&format!("{TRIPS}/metadata/meta_range/{tree}")).await.json(200);
    assert_eq!(at["location"], format!("mem://trips/_lakebed/metaranges/{tree}.sst"));
    assert_eq!(lake.get(&format!("{TRIPS}/metadata/range/{tree}")).await.status, 404);
    assert_eq!(lake.get(&format!("{TRIPS}/metadata/range/nothing")).await.status, 400);
}
