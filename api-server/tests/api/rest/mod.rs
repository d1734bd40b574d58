//! The REST API, request by request: what clients depend on in paths, statuses and bodies.

mod access;
mod actions;
mod api_page;
mod errors;
mod force;
mod lakefs_clients;
mod limits;
mod objects;
mod openapi;
mod refs;
mod refs_dump;
mod settings;
mod setup;
mod staging;
mod tasks;

use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tower::ServiceExt;

use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

/// The repository of all scenarios.
pub(super) const TRIPS: &str = "/api/v1/repositories/trips";

/// A request under way.
pub(super) struct Call<'a> {
    lake: &'a TestLake,
    request: Builder,
    body: Body,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl TestLake {
    /// A request as the administrator.
    pub(super) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let proof = STANDARD.encode(format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"));
        self.call_as_nobody(method, path).header("authorization", &format!("Basic {proof}"))
    }

    /// A request without credentials.
    pub(super) fn call_as_nobody(&self, method: &str, path: &str) -> Call<'_> {
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        Call { lake: self, request, body: Body::empty() }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path).json(&body).send().await
    }
}

impl Call<'_> {
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Has it come over TLS.
    pub(super) fn encrypted(mut self) -> Self {
        self.request = self.request.extension(auth::Encrypted(true));
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(super) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) async fn send(self) -> Answer {
        let answer = self.lake.api.rest().oneshot(self.request.body(self.body).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }
}

impl Answer {
    /// The body of an answer that must have this status.
    pub(super) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// What a failure says, which must have this status.
    pub(super) fn message(&self, status: u16) -> String {
        self.json(status)["message"].as_str().unwrap().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
