//! What goes on by itself over REST: commits, merges and imports that are begun, asked after, and ended.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::TRIPS;
use crate::jobs::quick;
use crate::lake::{TestLake, until};

/// The last of a task's states.
async fn ended(lake: &TestLake, at: &str, is_end: impl Fn(&Value) -> bool) -> Value {
    until("a task ends", async || is_end(&lake.get(at).await.json(200))).await;
    lake.get(at).await.json(200)
}

async fn begun(lake: &TestLake, at: &str, body: Value) -> String {
    lake.post(at, body).await.json(202)["id"].as_str().unwrap().to_owned()
}

async fn completed(lake: &TestLake, at: &str, body: Value) -> Value {
    let id = begun(lake, at, body).await;
    ended(lake, &format!("{at}/{id}/status"), |status| status["completed"] == true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_and_merges_are_begun_and_asked_after() {
    let lake = TestLake::with_jobs(quick()).await;
    lake.branch_off("dev", "main").await;
    let commits = format!("{TRIPS}/branches/dev/commits/async");
    let nothing = completed(&lake, &commits, json!({ "message": "nothing" })).await;
    assert_eq!((&nothing["status_code"], &nothing["error"]["message"]), (&json!(400), &json!("no changes to commit")));
    lake.put("dev", "a", "1").await;
    let body = json!({ "message": "one", "metadata": { "k": "v" }, "date": 1_700_000_000 });
    let id = begun(&lake, &commits, body).await;
    let at = format!("{commits}/{id}/status");
    let status = ended(&lake, &at, |status| status["completed"] == true).await;
    assert_eq!((&status["task_id"], &status["status_code"]), (&json!(id), &Value::Null));
    assert!(status["update_time"].as_str().unwrap().ends_with('Z'), "{status}");
    assert_eq!(status["result"], lake.get(&format!("{TRIPS}/commits/dev")).await.json(200));
    assert_eq!(status["result"]["creation_date"], 1_700_000_000);

    let merges = format!("{TRIPS}/refs/dev/merge/main/async");
    let merged = completed(&lake, &merges, json!({})).await;
    assert_eq!(merged["result"]["reference"], lake.get(&format!("{TRIPS}/commits/main")).await.json(200)["id"]);
    assert_eq!(completed(&lake, &merges, json!({})).await["status_code"], 400, "there is nothing to merge any more");
    let again = completed(&lake, &merges, json!({ "allow_empty": true })).await;
    assert_eq!(again["result"], merged["result"]);
    for on in ["main", "dev"] {
        lake.put(on, "both", on).await;
        lake.commit(on, on).await;
    }
    let conflict = completed(&lake, &merges, json!({})).await;
    assert_eq!((&conflict["status_code"], &conflict["result"]), (&json!(409), &Value::Null));
    assert!(conflict["error"]["message"].as_str().unwrap().contains("both"), "{conflict}");

    for elsewhere in [
        format!("{TRIPS}/branches/main/commits/async/{id}/status"),
        format!("{TRIPS}/refs/dev/merge/main/async/{id}/status"),
        format!("{TRIPS}/branches/dev/import?id={id}"),
        format!("{commits}/no-id/status"),
    ] {
        assert!(lake.get(&elsewhere).await.message(404).contains("not found"), "{elsewhere}");
    }
}

/// A lake, and a folder to import from.
async fn importing() -> (TestLake, TempDir) {
    let folder = TempDir::new().unwrap();
    for name in ["x", "y", "z"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let url = format!("file://{}", folder.path().display());
    (TestLake::with_jobs_and_sources(quick(), vec![url]).await, folder)
}

fn import_of(kind: &str, path: &str, destination: &str) -> Value {
    let commit = json!({ "message": "take in", "metadata": { "k": "v" }, "allow_empty": false, "date": null });
    json!({ "paths": [{ "type": kind, "path": path, "destination": destination }], "commit": commit, "force": false })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_begun_and_asked_after() {
    let (lake, folder) = importing().await;
    let (at, url) = (format!("{TRIPS}/branches/main/import"), format!("file://{}/", folder.path().display()));
    let id = begun(&lake, &at, import_of("common_prefix", &url, "in/")).await;
    let status = ended(&lake, &format!("{at}?id={id}"), |status| status["completed"] == true).await;
    assert_eq!((&status["ingested_objects"], &status["error"]), (&json!(3), &Value::Null));
    assert_eq!(status["commit"], lake.get(&format!("{TRIPS}/commits/main")).await.json(200));
    assert_eq!(
        (&status["commit"]["metadata"], &status["metarange_id"]),
        (&json!({ "k": "v", ".lakefs.merge.strategy": "source-wins" }), &status["commit"]["meta_range_id"])
    );
    assert_eq!(lake.paths("main").await, ["in/x", "in/y", "in/z"]);
    let late = lake.call("DELETE", &format!("{at}?id={id}")).send().await;
    assert!(late.message(409).contains("conflict found"));

    let elsewhere = begun(&lake, &at, import_of("object", "file:///etc/hostname", "host")).await;
    let failed = ended(&lake, &format!("{at}?id={elsewhere}"), |status| !status["error"].is_null()).await;
    assert_eq!(failed["completed"], false, "clients take an end with an error for no success");
    assert_eq!(lake.post(&at, import_of("object", &url, "")).await.status, 400);
    assert_eq!(lake.post(&at, import_of("folder", &url, "x")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_cancelled_commits_nothing() {
    let (lake, folder) = importing().await;
    let (at, url) = (format!("{TRIPS}/branches/main/import"), format!("file://{}/", folder.path().display()));
    let before = lake.log("main").await;
    let held = lake.meta.hold_publications().await;
    let id = begun(&lake, &at, import_of("common_prefix", &url, "in/")).await;
    lake.meta.publications_come(1).await;
    assert_eq!(lake.get(&format!("{at}?id={id}")).await.json(200)["ingested_objects"], 3);
    for _ in 0..2 {
        assert_eq!(lake.call("DELETE", &format!("{at}?id={id}")).send().await.status, 204);
    }
    let status = ended(&lake, &format!("{at}?id={id}"), |status| !status["error"].is_null()).await;
    assert!(status["error"]["message"].as_str().unwrap().contains("Canceled"), "{status}");
    drop(held);

    lake.put("main", "later", "1").await;
    let later = lake.commit("main", "later").await;
    assert_eq!(later.parents, [before[0].id], "what was cancelled is never published");
    assert_eq!(lake.paths("main").await, ["later"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_that_bring_nothing_end_as_in_lakefs() {
    let (lake, folder) = importing().await;
    let (at, url) = (format!("{TRIPS}/branches/main/import"), format!("file://{}/", folder.path().display()));
    let done = |status: &Value| status["completed"] == true || !status["error"].is_null();
    let import = async |body: Value| {
        let id = begun(&lake, &at, body).await;
        ended(&lake, &format!("{at}?id={id}"), done).await
    };
    let none = json!({ "paths": [], "commit": { "message": "", "metadata": { "foo": "bar" } } });
    let empty = import(none).await;
    assert_eq!(
        (&empty["completed"], &empty["ingested_objects"], &empty["error"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    assert_eq!(
        (&empty["commit"]["message"], &empty["commit"]["metadata"]["foo"]),
        (&json!("Import objects"), &json!("bar"))
    );
    assert_eq!(empty["commit"]["id"], lake.get(&format!("{TRIPS}/commits/main")).await.json(200)["id"]);

    let first = import(import_of("common_prefix", &url, "in/")).await;
    let again = import(import_of("common_prefix", &url, "in/")).await;
    assert_eq!((&again["completed"], &again["metarange_id"]), (&json!(true), &first["metarange_id"]));
    assert_eq!(again["commit"]["parents"], json!([first["commit"]["id"]]));
    let noted = lake.get(&format!("{TRIPS}/metadata")).await.json(200);
    assert_eq!(noted[".lakefs.last.import.timestamp"], json!(again["commit"]["creation_date"].to_string()));

    let missing = import(import_of("common_prefix", &format!("{url}nowhere/"), "in/")).await;
    assert!(missing["error"]["message"].as_str().unwrap().contains("nowhere/ not found"), "{missing}");
    assert_eq!(missing["completed"], false);
}
