//! Writes by force, over REST: what a repository that takes no writes takes all the same.

use serde_json::{Value, json};

use super::{Answer, TRIPS};
use crate::lake::TestLake;

/// One write of each kind, with `force` or without; each must be possible when the ones before it were done.
async fn writes(lake: &TestLake, force: bool) -> Vec<(&'static str, Answer)> {
    let query = if force { "&force=true" } else { "" };
    let body = |mut body: Value| {
        body["force"] = json!(force);
        body
    };
    let main = format!("{TRIPS}/branches/main");
    let object = |path: &str| format!("{main}/objects?path={path}{query}");
    let mut done = Vec::new();
    let upload = lake.call("POST", &object("b")).body("x").send().await;
    done.push(("upload", upload));
    let copy = lake.post(&format!("{main}/objects/copy?dest_path=c"), body(json!({ "src_path": "a" }))).await;
    done.push(("copy", copy));
    done.push(("delete", lake.call("DELETE", &object("c")).send().await));
    let reset = lake.call("PUT", &main).json(&body(json!({ "type": "object", "path": "c" }))).send().await;
    done.push(("reset", reset));
    done.push(("commit", lake.post(&format!("{main}/commits"), body(json!({ "message": "forced" }))).await));
    let revert = body(json!({ "ref": "main", "parent_number": 0 }));
    done.push(("revert", lake.post(&format!("{main}/revert"), revert).await));
    let pick = body(json!({ "ref": "main~1", "parent_number": 0 }));
    done.push(("cherry-pick", lake.post(&format!("{main}/cherry-pick"), pick).await));
    let branch = body(json!({ "name": "new", "source": "main" }));
    done.push(("create branch", lake.post(&format!("{TRIPS}/branches"), branch).await));
    done.push(("merge", lake.post(&format!("{TRIPS}/refs/dev/merge/main"), body(json!({}))).await));
    let delete = lake.call("DELETE", &format!("{TRIPS}/branches/new?{}", query.trim_start_matches('&'))).send().await;
    done.push(("delete branch", delete));
    done.push(("create tag", lake.post(&format!("{TRIPS}/tags"), body(json!({ "id": "v2", "ref": "main" }))).await));
    let delete = lake.call("DELETE", &format!("{TRIPS}/tags/v2?{}", query.trim_start_matches('&'))).send().await;
    done.push(("delete tag", delete));
    let import = body(json!({ "paths": [], "commit": { "message": "nothing" } }));
    done.push(("import", lake.post(&format!("{main}/import"), import).await));
    done
}

#[tokio::test]
async fn force_writes_to_a_repository_that_takes_no_writes() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "first").await;
    lake.branch_off("dev", "main").await;
    lake.put("dev", "of-dev", "1").await;
    lake.commit("dev", "of dev").await;
    for name in ["new", "v2"] {
        // So that without force nothing is refused for want of what isn't there.
        lake.post(&format!("{TRIPS}/tags"), json!({ "id": format!("tag-{name}"), "ref": "main" })).await.json(201);
    }
    let read_only = model::SettingsChange::ReadOnly(true);
    let command =
        model::Command::ChangeSettings(model::ChangeSettings { repository: lake.trips.clone(), change: read_only });
    lake.graveler.meta().write(command).await.unwrap().done().unwrap();

    for (what, answer) in writes(&lake, false).await {
        // The branch and tag that are to be deleted weren't made, and an import says so when it is asked for.
        let due: &[u16] = if what.starts_with("delete ") { &[404] } else { &[403, 202] };
        assert!(due.contains(&answer.status.as_u16()), "{what}: {}", String::from_utf8_lossy(&answer.bytes));
    }
    for (what, answer) in writes(&lake, true).await {
        assert!(answer.status.is_success(), "{what}: {}", String::from_utf8_lossy(&answer.bytes));
    }
    assert_eq!(lake.paths("main@").await, ["a", "b", "of-dev"]);
    assert_eq!(lake.get(TRIPS).await.json(200)["read_only"], true);
    let later = lake.call("POST", &format!("{TRIPS}/branches/main/objects?path=later")).body("x").send().await;
    assert!(later.message(403).contains("read-only"), "what was forced counts for itself");
}

#[tokio::test]
async fn force_doesn_t_write_to_protected_branches() {
    let lake = TestLake::new().await;
    let rules = json!([{ "pattern": "main" }]);
    assert_eq!(lake.call("PUT", &format!("{TRIPS}/settings/branch_protection")).json(&rules).send().await.status, 204);
    let write = lake.call("POST", &format!("{TRIPS}/branches/main/objects?path=x&force=true")).body("x").send().await;
    assert!(write.message(403).contains("protected"));
}
