//! Repositories, branches, tags, commits, diffs and merges over REST.

use futures::TryStreamExt;
use serde_json::{Value, json};

use super::TRIPS;
use crate::lake::TestLake;

async fn branch(lake: &TestLake, name: &str) {
    let made = lake.post(&format!("{TRIPS}/branches"), json!({ "name": name, "source": "main" })).await;
    assert_eq!((made.status.as_u16(), made.bytes.len()), (201, 64));
}

async fn commit(lake: &TestLake, on: &str, message: &str) -> Value {
    lake.post(&format!("{TRIPS}/branches/{on}/commits"), json!({ "message": message })).await.json(201)
}

fn ids(list: &Value) -> Vec<&str> {
    list["results"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn repositories_come_and_go() {
    let lake = TestLake::empty().await;
    for name in ["one", "two-a", "two-b"] {
        let made = json!({ "name": name, "storage_namespace": format!("mem://at-{name}/"), "default_branch": "trunk" });
        let made = lake.post("/api/v1/repositories", made).await.json(201);
        assert_eq!(
            (&made["storage_namespace"], &made["default_branch"]),
            (&json!(format!("mem://at-{name}")), &json!("trunk"))
        );
    }
    let elsewhere = json!({ "name": "elsewhere", "storage_namespace": "mem://elsewhere", "storage_id": "second" });
    assert!(lake.post("/api/v1/repositories", elsewhere).await.message(400).contains("storage_id"));
    let list = async |query: &str| lake.get(&format!("/api/v1/repositories?{query}")).await.json(200);
    assert_eq!(ids(&list("amount=2").await), ["one", "two-a"]);
    assert_eq!(ids(&list("after=one&prefix=two").await), ["two-a", "two-b"]);
    assert_eq!(ids(&list("search=o-b").await), ["two-b"]);
    assert_eq!(lake.call("DELETE", "/api/v1/repositories/one").send().await.status, 204);
    assert_eq!(lake.get("/api/v1/repositories/one").await.status, 404);
    assert_eq!(lake.get("/api/v1/user").await.json(200)["user"]["id"], "admin");
    let config = lake.get("/api/v1/config").await.json(200);
    assert_eq!(
        (&config["storage_config"]["blockstore_type"], &config["storage_config"]["pre_sign_support"]),
        (&json!("mem"), &json!(false))
    );
}

#[tokio::test]
async fn a_change_goes_from_branch_to_main() {
    let lake = TestLake::new().await;
    lake.put("main", "kept", "1").await;
    let first = commit(&lake, "main", "first").await;
    branch(&lake, "dev").await;
    lake.put("dev", "new", "2").await;
    let diff = lake.get(&format!("{TRIPS}/branches/dev/diff")).await.json(200);
    assert_eq!((&diff["results"][0]["type"], &diff["results"][0]["path"]), (&json!("added"), &json!("new")));
    let body = json!({ "message": "second", "metadata": { "k": "v" }, "date": 1_700_000_000 });
    let second = lake.post(&format!("{TRIPS}/branches/dev/commits"), body).await.json(201);
    assert_eq!(
        (&second["creation_date"], &second["metadata"], &second["parents"]),
        (&json!(1_700_000_000), &json!({ "k": "v" }), &json!([first["id"]]))
    );
    assert_eq!(lake.get(&format!("{TRIPS}/commits/dev~0")).await.json(200), second);

    let diff = lake.get(&format!("{TRIPS}/refs/main/diff/dev?include_right_stats=true")).await.json(200);
    assert_eq!(diff["results"][0]["right"]["checksum"], "c81e728d9d4c2f636f067f89cc14862c");
    let merge = format!("{TRIPS}/refs/dev/merge/main");
    let base = lake.get(&merge).await.json(200);
    assert_eq!((&base["base_commit_id"], &base["source_commit_id"]), (&first["id"], &second["id"]));
    let merged = lake.call("POST", &merge).send().await.json(200);
    let log = lake.get(&format!("{TRIPS}/refs/main/commits?amount=1")).await.json(200);
    assert_eq!((&log["results"][0]["id"], &log["pagination"]["has_more"]), (&merged["reference"], &json!(true)));
    assert!(lake.call("POST", &merge).send().await.message(400).contains("no changes"));
    lake.post(&merge, json!({ "allow_empty": true })).await.json(200);
}

#[tokio::test]
async fn conflicts_are_all_told() {
    let lake = TestLake::new().await;
    branch(&lake, "dev").await;
    for on in ["main", "dev"] {
        lake.put(on, "a", on).await;
        lake.put(on, "b", on).await;
        commit(&lake, on, on).await;
    }
    let merge = format!("{TRIPS}/refs/dev/merge/main");
    let conflict = lake.call("POST", &merge).send().await.json(409);
    assert_eq!((&conflict["conflicts"], &conflict["reference"]), (&json!(["a", "b"]), &json!("")));
    assert_eq!(lake.post(&merge, json!({ "strategy": "mine" })).await.status, 400);
    lake.post(&merge, json!({ "strategy": "source-wins" })).await.json(200);
    assert_eq!(lake.read("main", "a").await.unwrap(), "dev");
}

#[tokio::test]
async fn changes_are_taken_back_and_made_again() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    let first = commit(&lake, "main", "first").await["id"].as_str().unwrap().to_owned();
    let revert = json!({ "ref": first, "parent_number": 0, "commit_overrides": { "message": "undone" } });
    assert_eq!(lake.post(&format!("{TRIPS}/branches/main/revert"), revert).await.status, 204);
    assert_eq!(lake.paths("main").await, [""; 0]);
    let picked = lake.post(&format!("{TRIPS}/branches/main/cherry-pick"), json!({ "ref": first })).await.json(201);
    assert_eq!((&picked["message"], &picked["metadata"]["cherry-pick-origin"]), (&json!("first"), &json!(first)));
    let reset = format!("{TRIPS}/branches/main/hard_reset?ref={first}~1");
    lake.put("main", "staged", "x").await;
    assert_eq!(lake.call("PUT", &reset).send().await.status, 400);
    let staged = json!({ "type": "object", "path": "staged" });
    assert_eq!(lake.call("PUT", &format!("{TRIPS}/branches/main")).json(&staged).send().await.status, 204);
    assert_eq!(lake.call("PUT", &reset).send().await.status, 204);
    assert_eq!(lake.log("main").await.len(), 1);
}

#[tokio::test]
async fn tags_name_commits() {
    let lake = TestLake::new().await;
    let tag = lake.post(&format!("{TRIPS}/tags"), json!({ "id": "v1.0", "ref": "main" })).await.json(201);
    assert_eq!(lake.get(&format!("{TRIPS}/tags/v1.0")).await.json(200), tag);
    assert_eq!(ids(&lake.get(&format!("{TRIPS}/tags?prefix=v")).await.json(200)), ["v1.0"]);
    assert_eq!(lake.call("DELETE", &format!("{TRIPS}/tags/v1.0")).send().await.status, 204);
    assert_eq!(lake.get(&format!("{TRIPS}/tags/v1.0")).await.status, 404);
}

#[tokio::test]
async fn a_log_is_of_paths_and_of_a_time() {
    let lake = TestLake::new().await;
    for (path, date) in [("a/1", 1_000), ("b/1", 2_000), ("a/2", 3_000), ("c", 4_000)] {
        lake.put("main", path, path).await;
        let body = json!({ "message": path, "date": 1_700_000_000 + date });
        lake.post(&format!("{TRIPS}/branches/main/commits"), body).await.json(201);
    }
    let log = async |query: &str| {
        let log = lake.get(&format!("{TRIPS}/refs/main/commits?{query}")).await.json(200);
        let messages = log["results"].as_array().unwrap().iter().map(|commit| commit["message"].as_str().unwrap());
        (messages.map(str::to_owned).collect::<Vec<_>>().join(" "), log["pagination"]["has_more"] == true)
    };
    assert_eq!(log("prefixes=a/").await.0, "a/2 a/1");
    assert_eq!(log("objects=c&objects=b%2F1&prefixes=nothing").await.0, "c b/1");
    assert_eq!(log("objects=a/1&prefixes=b&prefixes=c").await.0, "c b/1 a/1");
    assert_eq!(log("since=2023-11-14T23:00:00Z").await.0, "c a/2");
    assert_eq!(log("stop_at=main~2").await.0, "c a/2 b/1");
    assert_eq!(log("amount=1").await, ("c".to_owned(), true));
    assert_eq!(log("amount=1&limit=true").await, ("c".to_owned(), false));
    for bad in ["since=yesterday", "stop_at=..", "limit=perhaps", "amount=1001", "amount=1&amount=2"] {
        assert_eq!(lake.get(&format!("{TRIPS}/refs/main/commits?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn hidden_branches_are_listed_to_those_who_ask() {
    let lake = TestLake::new().await;
    let at = format!("{TRIPS}/branches");
    for (name, hidden) in [("a", true), ("b", false), ("c", true), ("d", false), ("x", true), ("y", true)] {
        let body = json!({ "name": name, "source": "main", "hidden": hidden });
        assert_eq!(lake.post(&at, body).await.status, 201);
    }
    let listed = async |query: &str| {
        let page = lake.get(&format!("{at}?{query}")).await.json(200);
        let names = page["results"].as_array().unwrap().iter().map(|branch| branch["id"].as_str().unwrap());
        (names.collect::<Vec<_>>().concat(), page["pagination"]["next_offset"].as_str().unwrap().to_owned())
    };
    assert_eq!(listed("").await, ("bdmain".into(), String::new()));
    assert_eq!(listed("show_hidden=true").await.0, "abcdmainxy");
    assert_eq!(listed("amount=1").await, ("b".into(), "b".into()));
    assert_eq!(listed("amount=2&after=b").await, ("dmain".into(), "main".into()));
    assert_eq!(listed("amount=2&after=main").await, (String::new(), String::new()));
    assert_eq!(listed("prefix=x").await.0, "");
    assert_eq!(lake.get(&format!("{at}/x")).await.json(200)["id"], "x", "who knows its name gets it");
    let all = |hidden| lake.lakebed.list_branches(&lake.trips, "", hidden).map_ok(|branch| branch.name.to_string());
    assert_eq!(all(false).try_collect::<Vec<_>>().await.unwrap(), ["b", "d", "main"]);
    assert_eq!(all(true).try_collect::<Vec<_>>().await.unwrap().len(), 7);
}
