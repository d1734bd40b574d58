//! What clients are told when something is wrong.

use serde_json::json;

use super::TRIPS;
use crate::lake::TestLake;

#[tokio::test]
async fn unknown_paths_are_told_to_anybody_as_lakefs_does() {
    let lake = TestLake::empty().await;
    let answer = lake.call_as_nobody("GET", "/api/v1/nothing/here").send().await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.message(404), "invalid API endpoint");
    assert!(lake.call("PATCH", "/api/v1/repositories").send().await.message(405).contains("openapi"));
}

#[tokio::test]
async fn callers_must_prove_who_they_are() {
    let lake = TestLake::new().await;
    let nobody = lake.call_as_nobody("GET", TRIPS).send().await.message(401);
    assert!(nobody.starts_with("error authenticating request: ") && nobody.contains("access key"), "{nobody}");
    for wrong in ["Basic QUtMQlRFU1Q6d3Jvbmc=", "Basic nonsense", "Bearer x"] {
        let answer = lake.call_as_nobody("GET", TRIPS).header("authorization", wrong).send().await;
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(answer.header("www-authenticate").starts_with("Basic"));
    }
    for open in ["/api/v1/healthcheck", "/api/v1/setup_lakefs", "/openapi.json"] {
        assert!(lake.call_as_nobody("GET", open).send().await.status.is_success(), "{open}");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_say_why() {
    let lake = TestLake::new().await;
    let list = |query: &str| format!("/api/v1/repositories?{query}");
    assert!(lake.get(&list("amount=2000")).await.message(400).contains("1000"));
    assert!(lake.get(&list("amount=many")).await.message(400).contains("amount"));
    assert!(lake.get("/api/v1/repositories/No!").await.message(400).contains("lower-case"));
    assert!(lake.get(&format!("{TRIPS}/refs/main~x~/objects/ls")).await.status == 400);
    assert!(lake.get(&format!("{TRIPS}/refs/main/objects/stat")).await.message(400).contains("path"));
    let branches = format!("{TRIPS}/branches");
    assert!(lake.post(&branches, json!({ "name": "a/b", "source": "main" })).await.message(400).contains("hyphen"));
    assert!(lake.post(&branches, json!({ "name": "a" })).await.message(400).contains("source"));
    assert!(lake.call("POST", &branches).send().await.message(400).contains("JSON"));
    let form = lake.call("POST", &branches).header("content-type", "text/plain").body("{}");
    assert!(form.send().await.message(400).contains("application/json"));
}

#[tokio::test]
async fn statuses_are_lakefs_s() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "first").await;
    let main = format!("{TRIPS}/branches/main");
    let commit = json!({ "message": "again" });
    assert!(lake.post(&format!("{main}/commits"), commit).await.message(400).contains("no changes"));
    assert!(lake.call("DELETE", &main).send().await.message(403).contains("default branch"));
    assert_eq!(lake.get("/api/v1/repositories/missing").await.status, 404);
    assert_eq!(lake.get(&format!("{TRIPS}/branches/missing")).await.status, 404);
    assert_eq!(lake.get(&format!("{TRIPS}/tags/missing")).await.status, 404);
    assert_eq!(lake.get(&format!("{TRIPS}/commits/missing")).await.status, 404);
    assert_eq!(lake.get(&format!("{TRIPS}/refs/main/objects?path=missing")).await.status, 404);
    let again = json!({ "name": "trips", "storage_namespace": "mem://other" });
    assert_eq!(lake.post("/api/v1/repositories", again).await.status, 409);
    let again = json!({ "name": "main", "source": "main" });
    assert_eq!(lake.post(&format!("{TRIPS}/branches"), again).await.status, 409);
    let setup = json!({ "username": "me" });
    assert_eq!(lake.post("/api/v1/setup_lakefs", setup).await.status, 409);
    let merge = format!("{TRIPS}/refs/main/merge/main");
    assert!(lake.call("POST", &merge).send().await.message(400).contains("itself"));
    assert_eq!(lake.get(&format!("{TRIPS}/actions/runs")).await.status, 501);
}
