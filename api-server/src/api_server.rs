//! The handle that the composition root mounts. Owns the wiring of doors to flows, and their bounds.

use std::sync::Arc;
use std::time::Duration;

use auth::SecretBox;
use axum::Router;
use graveler::Graveler;

use crate::authenticator::Authenticator;
use crate::jobs::{JobOptions, Jobs};
use crate::lines::Lines;
use crate::{grpc, rest};

/// The bounds of the API server.
#[derive(Debug, Clone, Copy)]
pub struct ApiServerOptions {
    /// How many access keys are remembered between calls.
    pub cached_credentials_max: u64,
    /// How long an access key is remembered, so how long a deleted one still works.
    pub cached_credentials_age_max: Duration,
    /// Of requests that are carried out once.
    pub jobs: JobOptions,
}

impl Default for ApiServerOptions {
    fn default() -> Self {
        Self {
            cached_credentials_max: 10_000,
            cached_credentials_age_max: Duration::from_secs(5),
            jobs: JobOptions::default(),
        }
    }
}

/// The public API over one metadata service and its object stores. Cheap to clone.
#[derive(Clone)]
pub struct ApiServer {
    graveler: Graveler,
    lines: Lines,
    jobs: Jobs,
    authenticator: Arc<Authenticator>,
}

impl ApiServer {
    /// Wires a server, which begins to take up jobs that nobody carries out. `secrets` opens the access keys that the
    /// metadata service keeps.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(graveler: Graveler, secrets: SecretBox, options: ApiServerOptions) -> Self {
        let authenticator = Arc::new(Authenticator::new(graveler.clone(), secrets, options));
        let lines = Lines::new(graveler.clone());
        let jobs = Jobs::new(lines.clone(), options.jobs);
        Self { graveler, lines, jobs, authenticator }
    }

    /// The gRPC API, for requests of content type `application/grpc`.
    pub fn grpc(&self) -> Router {
        let (lines, jobs) = (self.lines.clone(), self.jobs.clone());
        grpc::router(self.graveler.clone(), lines, jobs, Arc::clone(&self.authenticator))
    }

    /// The REST API, for requests beneath `/api/v1`, and its description at `/openapi.json`.
    pub fn rest(&self) -> Router {
        rest::router(self.graveler.clone(), self.lines.clone(), Arc::clone(&self.authenticator))
    }
}
