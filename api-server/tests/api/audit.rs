//! What the audit tells of each endpoint: who, what, on what, with which outcome, under which id, from where, and no secret.

use std::sync::{Arc, Mutex};

use auth::{AuditLine, AuditLog, PeerAddress};
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

/// Keeps lines.
#[derive(Default)]
struct Lines(Mutex<Vec<Value>>);

impl AuditLog for Lines {
    fn record(&self, line: &AuditLine<'_>) {
        self.0.lock().unwrap().push(serde_json::to_value(line).unwrap());
    }
}

impl Lines {
    /// The lines since the last call, in short.
    fn take(&self) -> Vec<String> {
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or("-").to_owned();
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        let shown = all.iter().map(|line| {
            assert_eq!(text(line, "address"), "10.9.8.7", "{line}");
            format!("{} {} {} {}", text(line, "event"), text(line, "user"), text(line, "action"), text(line, "outcome"))
        });
        shown.collect()
    }
}

fn basic(secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{ACCESS_KEY_ID}:{secret}")))
}

async fn send(router: axum::Router, request: http::request::Builder, body: impl Into<Body>) -> (HeaderMap, Value) {
    let peer = PeerAddress("10.9.8.7".parse().unwrap());
    let answer = router.oneshot(request.extension(peer).body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.headers, serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn rest_tells_who_did_what_and_who_was_refused() {
    let lake = TestLake::new().await;
    let lines = Arc::new(Lines::default());
    let api = lake.api.clone().audited(Arc::clone(&lines) as Arc<dyn AuditLog>);
    let on = |method: &str, path: &str| {
        Request::builder().method(method).uri(format!("/api/v1{path}")).header("content-type", "application/json")
    };
    let call = async |method: &str, path: &str, authorization: &str, body: Value| {
        let request = on(method, path).header("authorization", authorization).header("x-forwarded-for", "1.2.3.4");
        send(api.rest(), request, body.to_string()).await
    };
    call("GET", "/repositories/trips", &basic(SECRET_ACCESS_KEY), json!(null)).await;
    assert_eq!(lines.take(), ["decision admin fs:ReadRepository allowed"]);
    let made = json!({ "name": "other", "storage_namespace": "mem://other" });
    call("POST", "/repositories", &basic(SECRET_ACCESS_KEY), made).await;
    assert_eq!(lines.take().last().unwrap(), "change admin POST /api/v1/repositories 201");
    call("GET", "/repositories/trips", &basic("wrong"), json!(null)).await;
    send(api.rest(), on("GET", "/repositories/trips"), "").await;
    let refused = lines.take();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().all(|line| line.starts_with("refusal - GET /api/v1/repositories/trips ")), "{refused:?}");

    let login = |secret: &str| json!({ "access_key_id": ACCESS_KEY_ID, "secret_access_key": secret }).to_string();
    send(api.rest(), on("POST", "/auth/login"), login("wrong")).await;
    let (_, token) = send(api.rest(), on("POST", "/auth/login"), login(SECRET_ACCESS_KEY)).await;
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    call("POST", "/sts/session", &bearer, json!({})).await;
    call("POST", "/auth/logout", &bearer, json!(null)).await;
    let told = lines.take();
    assert!(told[0].starts_with("refusal - POST /api/v1/auth/login wrong access key"), "{told:?}");
    assert_eq!(
        told[1..],
        [
            "change admin POST /api/v1/auth/login 200",
            "change admin POST /api/v1/sts/session 201",
            "change admin POST /api/v1/auth/logout 204",
        ]
    );
}

#[tokio::test]
async fn an_answer_s_id_is_that_of_its_lines() {
    let lake = TestLake::new().await;
    let lines = Arc::new(Lines::default());
    let api = lake.api.clone().audited(Arc::clone(&lines) as Arc<dyn AuditLog>);
    let get = Request::get("/api/v1/repositories/trips").header("authorization", basic(SECRET_ACCESS_KEY));
    let (rest, _) = send(api.rest(), get.header("x-request-id", "theirs"), "").await;
    let call = Request::post("/lakebed.api.v1.Repositories/GetRepository")
        .header("content-type", "application/grpc")
        .header("authorization", basic("wrong"));
    let (grpc, _) = send(api.grpc(), call, vec![0; 5]).await;
    let kept = lines.0.lock().unwrap();
    let ids: Vec<_> = kept.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [rest["x-request-id"].to_str().unwrap(), grpc["x-request-id"].to_str().unwrap()]);
    assert!(!ids.contains(&"theirs"));
    assert_eq!(kept[0]["access_key_id"], ACCESS_KEY_ID);
    assert_eq!(kept[0]["resource"], "arn:lakefs:fs:::repository/trips");
    assert!(!serde_json::to_string(&*kept).unwrap().contains(SECRET_ACCESS_KEY));
}
