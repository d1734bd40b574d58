//! Action files: hooks that somebody relies on are never left out in silence.

use lakebed_sdk::{Code, Reason};
use serde_json::json;

use super::{Answer, TRIPS};
use crate::lake::TestLake;

const HOOKS: &str = "hooks:\n  - id: check\n    type: webhook\n    properties:\n      url: http://127.0.0.1/\n";

/// Writes an action file.
async fn declare(lake: &TestLake, on: &str, path: &str, events: &str) {
    lake.put(on, path, &format!("name: check\non:\n{events}\n{HOOKS}")).await;
}

async fn commit(lake: &TestLake, on: &str) -> Answer {
    lake.post(&format!("{TRIPS}/branches/{on}/commits"), json!({ "message": "m" })).await
}

async fn merge(lake: &TestLake, source: &str, into: &str) -> Answer {
    lake.post(&format!("{TRIPS}/refs/{source}/merge/{into}"), json!({})).await
}

#[tokio::test]
async fn commits_with_hooks_are_refused_until_the_file_is_gone() {
    let lake = TestLake::new().await;
    for path in ["_lakefs_actions/check.yaml", "_lakebed_actions/check.yaml"] {
        lake.put("main", "data", path).await;
        declare(&lake, "main", path, "  pre-commit:\n    branches: [main]").await;
        let refused = commit(&lake, "main").await.message(412);
        assert!(refused.contains(path) && refused.contains("pre-commit") && refused.contains("delete"), "{refused}");
        let over_grpc = lake.try_commit("main", "m").await.unwrap_err();
        assert_eq!((over_grpc.code, over_grpc.reason), (Code::FailedPrecondition, Reason::HooksDue));
        assert!(lake.read("main", path).await.unwrap().contains("webhook"), "it is read as any object");
        lake.delete("main", path).await;
        commit(&lake, "main").await.json(201);
    }
}

#[tokio::test]
async fn only_hooks_that_would_run_stand_in_the_way() {
    let lake = TestLake::new().await;
    let path = "_lakefs_actions/check.yaml";
    declare(&lake, "main", path, "  pre-commit:\n    branches: [release-*]\n  pre-merge:\n    branches: [main]").await;
    commit(&lake, "main").await.json(201);
    lake.branch_off("dev", "main").await;
    lake.put("dev", "a", "1").await;
    commit(&lake, "dev").await.json(201);
    lake.branch_off("release-1", "main").await;
    assert!(merge(&lake, "dev", "main").await.message(412).contains("pre-merge"));
    merge(&lake, "dev", "release-1").await.json(200);
    lake.put("release-1", "b", "1").await;
    assert!(commit(&lake, "release-1").await.message(412).contains("release-1"));

    // Deleted where it is asked for, it is gone.
    lake.delete("dev", path).await;
    commit(&lake, "dev").await.json(201);
    merge(&lake, "dev", "main").await.json(200);
    assert_eq!(lake.paths("main").await, ["a"]);
}

#[tokio::test]
async fn what_can_t_be_judged_is_refused() {
    let lake = TestLake::new().await;
    let path = "_lakefs_actions/check.yaml";
    for (text, why) in [
        ("# About these actions", "can't be read"),
        ("on:\n  pre-lunch:\n", "pre-lunch"),
        ("on:\n  pre-create-tag:\nhooks: [{ id: check }]", "pre-create-tag"),
        (&"x".repeat(65 << 10), "bytes"),
    ] {
        lake.put("main", path, text).await;
        let refused = commit(&lake, "main").await.message(412);
        assert!(refused.contains(why), "{refused}");
    }
    lake.put("main", path, "name: idle\non:\n  pre-commit:\nhooks: []").await;
    lake.put("main", "_lakefs_actions/lua/check.lua", "print(1)").await;
    commit(&lake, "main").await.json(201);
}

#[tokio::test]
async fn reverts_and_picks_are_judged_too() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    commit(&lake, "main").await.json(201);
    declare(&lake, "main", "_lakefs_actions/check.yaml", "  pre-revert:\n  post-cherry-pick:").await;
    commit(&lake, "main").await.json(201);
    let body = json!({ "ref": "main~1", "parent_number": 0 });
    for (verb, event) in [("revert", "pre-revert"), ("cherry-pick", "post-cherry-pick")] {
        let refused = lake.post(&format!("{TRIPS}/branches/main/{verb}"), body.clone()).await.message(412);
        assert!(refused.contains(event), "{refused}");
    }
}
