//! The handle that the composition root mounts. Owns the wiring of endpoints to flows, and their bounds.

use std::sync::Arc;
use std::time::Duration;

use auth::{AuditLog, Directory, DirectoryOptions, Issuer, SecretBox};
use axum::Router;
use graveler::Graveler;

use crate::authenticator::Authenticator;
use crate::commit_queue::CommitQueues;
use crate::jobs::{JobOptions, Jobs};
use crate::{grpc, rest};

/// The bounds of the API server, and whom it trusts.
#[derive(Debug, Clone)]
pub struct ApiServerOptions {
    /// How much is remembered of callers, in bytes.
    pub callers_bytes_max: u64,
    /// How long a caller is remembered, so how long what was taken from them still counts.
    pub callers_age_max: Duration,
    /// How long a refusal of wrong credentials takes at least, whatever was wrong: longer than any look-up should.
    pub refusal_duration_min: Duration,
    /// Of requests that are carried out once.
    pub jobs: JobOptions,
    /// The identity provider whose tokens are taken.
    pub issuer: Option<Arc<Issuer>>,
    /// Where callers are told that S3 is spoken.
    pub s3: S3Place,
    /// Who may set a new installation up over REST.
    pub setup: Setup,
    /// Whether an address that was given out may be linked though nothing was written to it: for load tests.
    pub links_without_bytes: bool,
}

/// Where S3 is spoken, as far as an API server knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum S3Place {
    /// At the API server's own address.
    Here,
    /// At this URL.
    At(String),
    /// Elsewhere.
    #[default]
    Unknown,
}

/// Who may set a new installation up over REST: become its first administrator by asking first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Setup {
    /// Nobody: its start does it.
    #[default]
    Closed,
    /// Callers on this machine.
    FromLoopback,
    /// Everybody who can reach the server.
    FromAnywhere,
}

impl Default for ApiServerOptions {
    fn default() -> Self {
        let DirectoryOptions { bytes_max, age_max } = DirectoryOptions::default();
        Self {
            callers_bytes_max: bytes_max,
            callers_age_max: age_max,
            refusal_duration_min: Duration::from_millis(100),
            jobs: JobOptions::default(),
            issuer: None,
            s3: S3Place::default(),
            setup: Setup::default(),
            links_without_bytes: false,
        }
    }
}

/// The public API over one metadata service and its object stores. Cheap to clone.
#[derive(Clone)]
pub struct ApiServer {
    graveler: Graveler,
    queues: CommitQueues,
    jobs: Jobs,
    directory: Arc<Directory>,
    authenticator: Arc<Authenticator>,
    options: ApiServerOptions,
}

impl ApiServer {
    /// Wires a server, which begins to take up jobs that nobody carries out. `secrets` opens the access keys that the
    /// metadata service keeps.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(graveler: Graveler, secrets: SecretBox, options: ApiServerOptions) -> Self {
        let (meta, clock) = (graveler.shared_meta(), graveler.shared_clock());
        let bounds = DirectoryOptions { bytes_max: options.callers_bytes_max, age_max: options.callers_age_max };
        let directory = Directory::new(meta, clock, secrets, bounds).trusting(options.issuer.clone());
        let directory = Arc::new(directory);
        let authenticator = Arc::new(Authenticator::new(Arc::clone(&directory), options.refusal_duration_min));
        let queues = CommitQueues::new(graveler.clone());
        let jobs = Jobs::new(queues.clone(), Arc::clone(&directory), options.jobs);
        Self { graveler, queues, jobs, directory, authenticator, options }
    }

    /// The same server, writing down who did what.
    #[must_use]
    pub fn audited(self, audit: Arc<dyn AuditLog>) -> Self {
        let authenticator = Authenticator::new(Arc::clone(&self.directory), self.options.refusal_duration_min);
        Self { authenticator: Arc::new(authenticator.audited(audit)), ..self }
    }

    /// Ends what goes on by itself: jobs are left to other servers, which take them up at once. To be called when the endpoints
    /// are closed, before the runtime ends.
    pub async fn end(&self) {
        self.jobs.end().await;
    }

    /// The gRPC API, for requests of content type `application/grpc`.
    pub fn grpc(&self) -> Router {
        let (queues, jobs) = (self.queues.clone(), self.jobs.clone());
        let (directory, s3) = (Arc::clone(&self.directory), self.options.s3.clone());
        let grpc = grpc::Grpc { graveler: self.graveler.clone(), queues, jobs, directory, s3 };
        grpc::router(grpc, Arc::clone(&self.authenticator))
    }

    /// The REST API, for requests under `/api/v1`, and its description at `/openapi.json`.
    pub fn rest(&self) -> Router {
        let (queues, jobs) = (self.queues.clone(), self.jobs.clone());
        let directory = Arc::clone(&self.directory);
        let ApiServerOptions { setup, links_without_bytes, .. } = self.options;
        let options = rest::RestOptions { setup, links_without_bytes };
        rest::router(self.graveler.clone(), queues, jobs, directory, Arc::clone(&self.authenticator), options)
    }
}
