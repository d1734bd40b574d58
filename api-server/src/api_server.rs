//! The handle that the composition root mounts. Owns the wiring of doors to flows, and their bounds.

use std::sync::Arc;
use std::time::Duration;

use auth::SecretBox;
use axum::Router;
use graveler::Graveler;

use crate::authenticator::Authenticator;
use crate::{grpc, rest};

/// The bounds of the API server.
#[derive(Debug, Clone, Copy)]
pub struct ApiServerOptions {
    /// How many access keys are remembered between calls.
    pub cached_credentials_max: u64,
    /// How long an access key is remembered, so how long a deleted one still works.
    pub cached_credentials_age_max: Duration,
}

impl Default for ApiServerOptions {
    fn default() -> Self {
        Self { cached_credentials_max: 10_000, cached_credentials_age_max: Duration::from_secs(5) }
    }
}

/// The public API over one metadata service and its object stores. Cheap to clone.
#[derive(Clone)]
pub struct ApiServer {
    graveler: Graveler,
    authenticator: Arc<Authenticator>,
}

impl ApiServer {
    /// Wires a server. `secrets` opens the access keys that the metadata service keeps.
    pub fn new(graveler: Graveler, secrets: SecretBox, options: ApiServerOptions) -> Self {
        let authenticator = Arc::new(Authenticator::new(graveler.clone(), secrets, options));
        Self { graveler, authenticator }
    }

    /// The gRPC API, for requests of content type `application/grpc`.
    pub fn grpc(&self) -> Router {
        grpc::router(self.graveler.clone(), Arc::clone(&self.authenticator))
    }

    /// The REST API, for requests beneath `/api/v1`, and its description at `/openapi.json`.
    pub fn rest(&self) -> Router {
        rest::router(self.graveler.clone(), Arc::clone(&self.authenticator))
    }
}
