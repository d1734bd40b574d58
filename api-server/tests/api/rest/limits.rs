//! What REST bears: how large things may be, whose address counts, and what a browser may make of an object.

use auth::PeerAddress;
use axum::http::Request;
use model::{AttachPolicy, Command};
use serde_json::json;
use tower::ServiceExt;

use super::TRIPS;
use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

#[tokio::test]
async fn what_is_too_large_is_refused_over_rest() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "x").await;
    let object = |path: &str| format!("{TRIPS}/branches/main/objects?path={path}");
    let large = lake.call("GET", TRIPS).header("x-large", &"x".repeat(17 << 10)).send().await;
    assert!(large.message(431).contains("16384"), "a head");
    let large = lake.call_as_nobody("GET", &format!("/api/v1/none?{}", "x".repeat(17 << 10))).send().await;
    assert_eq!(large.status, 431, "a stranger's");
    let body = json!({ "name": "b", "source": "x".repeat(5 << 20) });
    assert_eq!(lake.post(&format!("{TRIPS}/branches"), body).await.status, 400, "a body");
    let metadata = lake.call("POST", &object("b")).header("x-lakefs-meta-a", &"x".repeat(2048)).body("x").send().await;
    assert!(metadata.message(400).contains("metadata"), "metadata");
    assert!(
        lake.call("POST", &object(&"k".repeat(1025))).body("x").send().await.message(400).contains("1024"),
        "a path"
    );
    let paths: Vec<_> = (0..1001).map(|number| format!("p/{number}")).collect();
    let batch = lake.post(&format!("{TRIPS}/branches/main/objects/delete"), json!({ "paths": paths })).await;
    assert!(batch.message(400).contains("1000"), "a batch");
    assert_eq!(lake.paths("main").await, ["a"]);
}

#[tokio::test]
async fn an_address_that_a_request_claims_is_not_believed() {
    let lake = TestLake::new().await;
    let document = json!({ "statement": [
        { "effect": "deny", "action": ["fs:*"], "resource": "*", "condition": { "IpAddress": { "SourceIp": ["10.0.0.0/8"] } } }
    ] });
    let policy: model::PolicyName = "not from there".parse().unwrap();
    lake.lakebed.create_policy(&policy, &document.to_string()).await.unwrap();
    let holder = model::PolicyHolder::User("admin".parse().unwrap());
    lake.graveler.meta().write(Command::AttachPolicy(AttachPolicy { policy, holder })).await.unwrap().done().unwrap();
    // A server that remembers nobody from before.
    let router = lake.api.clone().rest();
    let status = async |peer: &str, claimed: &str| {
        use base64::Engine as _;
        let proof = base64::engine::general_purpose::STANDARD.encode(format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"));
        let mut request = Request::get(TRIPS).header("authorization", format!("Basic {proof}"));
        for name in ["x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip"] {
            request =
                request.header(name, if name == "forwarded" { format!("for={claimed}") } else { claimed.to_owned() });
        }
        let request = request.extension(PeerAddress(peer.parse().unwrap())).body(axum::body::Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    crate::lake::until("the policy counts", async || status("10.1.1.1", "192.168.0.1").await == 401).await;
    assert_eq!(status("192.168.0.1", "10.1.1.1").await, 200);
    assert_eq!(status("10.1.1.1", "192.168.0.1").await, 401);
}

#[tokio::test]
async fn users_html_is_no_page_over_rest() {
    let lake = TestLake::new().await;
    let page =
        lake.call("POST", &format!("{TRIPS}/branches/main/objects?path=page.html")).header("content-type", "text/html");
    page.body("<script>alert(1)</script>").send().await.json(201);
    let read = lake.get(&format!("{TRIPS}/refs/main/objects?path=page.html")).await;
    assert!(read.header("content-security-policy").contains("sandbox"), "{:?}", read.headers);
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    let failed = lake.get(&format!("{TRIPS}/refs/main/objects?path=%3Cscript%3E")).await;
    assert_eq!(
        (failed.header("content-type"), failed.header("x-content-type-options")),
        ("application/json", "nosniff")
    );
}
