//! The REST API that lakeFS's clients speak, one file a resource, over the same flows and reading verbs as gRPC: each
//! operation is read, authorised, carried out and written. Owns the router, the order of layers, and the answer to paths
//! that are none. Invariant: an operation is routed by the same declaration that documents it, so `/openapi.json` has
//! all and no other.

mod authentication;
mod extract;
mod failure;
mod given_out;
mod openapi;
mod paging;
mod path_params;
mod tasks;

mod access;
mod branches;
mod changes;
mod commits;
mod config;
mod diffs;
mod imports;
mod merges;
mod metadata;
mod multipart;
mod object_content;
mod object_stats;
mod objects;
mod refs_dump;
mod repositories;
mod same_origin;
mod settings;
mod setup;
mod staging;
mod tags;
mod unsupported;
mod upload;
mod users;

use std::sync::Arc;
use std::time::Duration;

use auth::Directory;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use graveler::Graveler;
use http::StatusCode;
use model::Timestamp;

use crate::Setup;
use crate::authenticator::Authenticator;
use crate::commit_queue::CommitQueues;
use crate::jobs::Jobs;
use crate::request_limits;
use failure::Failure;

/// Where all paths of the API begin.
const BASE: &str = "/api/v1";

/// How long a client may send nothing in the middle of a body.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What operations work with.
#[derive(Clone)]
struct Rest {
    graveler: Graveler,
    queues: CommitQueues,
    jobs: Jobs,
    directory: Arc<Directory>,
    authenticator: Arc<Authenticator>,
    options: RestOptions,
}

impl Rest {
    /// What reads and writes, by force if that is asked for.
    fn by_force(&self, force: Option<bool>) -> CommitQueues {
        self.queues.by_force(force.unwrap_or_default())
    }
}

/// What an operator decides about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestOptions {
    /// Who may set a new installation up.
    pub(crate) setup: Setup,
    /// Whether addresses without bytes are linked.
    pub(crate) links_without_bytes: bool,
}

/// Routes `/api/v1` and `/openapi.json`.
pub(crate) fn router(
    graveler: Graveler,
    queues: CommitQueues,
    jobs: Jobs,
    directory: Arc<Directory>,
    authenticator: Arc<Authenticator>,
    options: RestOptions,
) -> Router {
    let (operations, document) = openapi::operations().split_for_parts();
    let operations = operations
        .route_layer(middleware::from_fn_with_state(Arc::clone(&authenticator), authentication::layer))
        .with_state(Rest { graveler, queues, jobs, directory, authenticator, options });
    let document = openapi::served(&document);
    Router::new()
        .nest(BASE, operations)
        .route("/openapi.json", axum::routing::get(async move || document.clone()))
        .fallback(invalid_endpoint)
        .method_not_allowed_fallback(invalid_method)
        .layer(middleware::from_fn(enveloped))
}

/// Bounds what anybody may send, and stamps what is answered.
async fn enveloped(request: Request, next: Next) -> Response {
    let (id, mut answer) = match request_limits::seal(request, SILENCE_MAX) {
        Ok((id, request)) => (id, next.run(request).await),
        Err((id, unbearable)) => (id, Failure::from(unbearable).into_response()),
    };
    request_limits::stamp(&mut answer, id);
    answer
}

/// What lakeFS answers to a path that its API doesn't have; its clients tell by it that they are too new.
async fn invalid_endpoint() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "invalid API endpoint")
}

async fn invalid_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "this path has no such method: look at /openapi.json")
}

/// A time as lakeFS's API has it: in whole seconds.
fn seconds(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(1000)
}
