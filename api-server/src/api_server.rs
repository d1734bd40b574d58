//! The handle that the composition root mounts. Owns the wiring of endpoints to flows, and their bounds.

use std::sync::Arc;

use auth::{AuditLog, Directory, DirectoryOptions, SecretBox};
use axum::Router;
use graveler::Graveler;

use crate::authenticator::Authenticator;
use crate::commit_queue::CommitQueues;
use crate::jobs::Jobs;
use crate::{ApiServerOptions, grpc, rest};

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
