//! The public gRPC API, one file a resource: each call is read, authorised, carried out by a flow or a reading verb of
//! `graveler`, and written. Owns the order of layers. Invariant: the authentication layer lies over every route, those
//! that don't exist included, so a call that was forgotten there is refused.

mod authentication;
pub(crate) mod fields;

mod access;
mod branches;
mod commits;
mod diffs;
mod fsck;
mod imports;
mod jobs;
mod merges;
mod objects;
mod refs;
mod replays;
mod repositories;
mod server;
mod tags;

use std::sync::Arc;

use auth::Directory;
use axum::{Router, middleware};
use graveler::Graveler;
use model::MetaStore;
use proto::generated::api::access_server::AccessServer;
use proto::generated::api::branches_server::BranchesServer;
use proto::generated::api::commits_server::CommitsServer;
use proto::generated::api::diffs_server::DiffsServer;
use proto::generated::api::fsck_server::FsckServer;
use proto::generated::api::imports_server::ImportsServer;
use proto::generated::api::jobs_server::JobsServer;
use proto::generated::api::merges_server::MergesServer;
use proto::generated::api::objects_server::ObjectsServer;
use proto::generated::api::refs_server::RefsServer;
use proto::generated::api::replays_server::ReplaysServer;
use proto::generated::api::repositories_server::RepositoriesServer;
use proto::generated::api::server_server::ServerServer;
use proto::generated::api::tags_server::TagsServer;
use tonic::service::Routes;

use crate::S3Place;
use crate::authenticator::Authenticator;
use crate::commit_queue::CommitQueues;
use crate::jobs::Jobs;

/// The services; each file implements one.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub(crate) graveler: Graveler,
    pub(crate) queues: CommitQueues,
    pub(crate) jobs: Jobs,
    pub(crate) directory: Arc<Directory>,
    /// Where callers are told that S3 is spoken.
    pub(crate) s3: S3Place,
}

impl Grpc {
    fn meta(&self) -> &dyn MetaStore {
        self.graveler.meta()
    }
}

/// Routes all services, after authentication.
pub(crate) fn router(grpc: Grpc, authenticator: Arc<Authenticator>) -> Router {
    Routes::new(RepositoriesServer::new(grpc.clone()))
        .add_service(BranchesServer::new(grpc.clone()))
        .add_service(TagsServer::new(grpc.clone()))
        .add_service(CommitsServer::new(grpc.clone()))
        .add_service(DiffsServer::new(grpc.clone()))
        .add_service(MergesServer::new(grpc.clone()))
        .add_service(ReplaysServer::new(grpc.clone()))
        .add_service(ObjectsServer::new(grpc.clone()))
        .add_service(AccessServer::new(grpc.clone()))
        .add_service(FsckServer::new(grpc.clone()))
        .add_service(ImportsServer::new(grpc.clone()))
        .add_service(JobsServer::new(grpc.clone()))
        .add_service(RefsServer::new(grpc.clone()))
        .add_service(ServerServer::new(grpc))
        .into_axum_router()
        .layer(middleware::from_fn_with_state(authenticator, authentication::layer))
}
