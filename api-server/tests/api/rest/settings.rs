//! What is decided about a repository over REST, and that it is kept to.

use serde_json::json;

use super::TRIPS;
use crate::lake::TestLake;

#[tokio::test]
async fn protected_branches_take_merges_only() {
    let lake = TestLake::new().await;
    lake.post(&format!("{TRIPS}/branches"), json!({ "name": "dev", "source": "main" })).await;
    let rules = format!("{TRIPS}/settings/branch_protection");
    let before = lake.get(&rules).await;
    assert_eq!(before.json(200), json!([]));
    let protect = json!([{ "pattern": "ma*" }]);
    let set = lake.call("PUT", &rules).header("if-match", before.header("etag")).json(&protect);
    assert_eq!(set.send().await.status, 204);
    assert_eq!(lake.get(&rules).await.json(200), protect);
    let stale = lake.call("PUT", &rules).header("if-match", before.header("etag")).json(&json!([]));
    assert_eq!(stale.send().await.status, 412);
    assert!(
        lake.call("PUT", &rules).json(&json!([{ "pattern": "a/b" }])).send().await.message(400).contains("pattern")
    );

    let object = |branch: &str| format!("{TRIPS}/branches/{branch}/objects?path=a");
    assert!(lake.call("POST", &object("main")).body("x").send().await.message(403).contains("protected"));
    assert_eq!(lake.call("DELETE", &object("main")).send().await.status, 403);
    let commit = json!({ "message": "direct", "allow_empty": true });
    assert_eq!(lake.post(&format!("{TRIPS}/branches/main/commits"), commit).await.status, 403);
    let reset = lake.call("PUT", &format!("{TRIPS}/branches/main/hard_reset?ref=main")).send().await;
    assert_eq!(reset.status, 403);
    let revert = json!({ "ref": "main", "parent_number": 0 });
    assert_eq!(lake.post(&format!("{TRIPS}/branches/main/revert"), revert).await.status, 403);

    assert_eq!(lake.call("POST", &object("dev")).body("x").send().await.status, 201);
    lake.post(&format!("{TRIPS}/branches/dev/commits"), json!({ "message": "on a branch" })).await.json(201);
    lake.call("POST", &format!("{TRIPS}/refs/dev/merge/main")).send().await.json(200);
    assert_eq!(lake.paths("main").await, ["a"]);
}

#[tokio::test]
async fn notes_and_rules_about_garbage_are_kept() {
    let lake = TestLake::new().await;
    let metadata = format!("{TRIPS}/metadata");
    assert_eq!(lake.get(&metadata).await.json(200), json!({}));
    let set = json!({ "metadata": { "team": "lakes", "tier": "1" } });
    assert_eq!(lake.post(&metadata, set).await.status, 204);
    assert_eq!(lake.call("DELETE", &metadata).json(&json!({ "keys": ["tier"] })).send().await.status, 204);
    assert_eq!(lake.get(&metadata).await.json(200), json!({ "team": "lakes" }));

    let rules = format!("{TRIPS}/settings/gc_rules");
    assert_eq!(lake.get(&rules).await.status, 404);
    let wanted = json!({ "default_retention_days": 7, "branches": [{ "branch_id": "main", "retention_days": 30 }] });
    assert_eq!(lake.call("PUT", &rules).json(&wanted).send().await.status, 204);
    assert_eq!(lake.get(&rules).await.json(200), wanted);
    assert_eq!(lake.call("DELETE", &rules).send().await.status, 204);
    assert_eq!(lake.get(&rules).await.status, 404);
}

#[tokio::test]
async fn a_sample_that_is_read_only() {
    let lake = TestLake::empty().await;
    let made = json!({ "name": "sample", "storage_namespace": "mem://sample", "sample_data": true, "read_only": true });
    assert_eq!(lake.post("/api/v1/repositories", made).await.json(201)["read_only"], true);
    assert_eq!(lake.get("/api/v1/repositories/sample").await.json(200)["read_only"], true);
    let list = lake.get("/api/v1/repositories/sample/refs/main@/objects/ls").await.json(200);
    let paths: Vec<_> =
        list["results"].as_array().unwrap().iter().map(|object| object["path"].as_str().unwrap()).collect();
    assert_eq!((paths.len(), &paths[..3]), (15, &["README.md", "data/lakes.source.md", "images/surface-01.svg"][..]));
    let top = lake.get("/api/v1/repositories/sample/refs/main@/objects/ls?delimiter=/").await.json(200);
    let top: Vec<_> = top["results"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
    assert_eq!(top, ["README.md", "data/", "images/", "lakes.parquet"]);
    let data = lake.get("/api/v1/repositories/sample/refs/main/objects?path=lakes.parquet").await;
    assert!(data.bytes.starts_with(b"PAR1") && data.bytes.ends_with(b"PAR1"));
    let write = lake.call("POST", "/api/v1/repositories/sample/branches/main/objects?path=a").body("x");
    assert!(write.send().await.message(403).contains("read-only"));
    let branch = json!({ "name": "dev", "source": "main" });
    assert_eq!(lake.post("/api/v1/repositories/sample/branches", branch).await.status, 403);
    assert_eq!(lake.call("DELETE", "/api/v1/repositories/sample").send().await.status, 403);
    assert_eq!(lake.call("DELETE", "/api/v1/repositories/sample?force=true").send().await.status, 204);
}
