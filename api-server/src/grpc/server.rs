//! The server itself over gRPC.

use auth::{Action, Resource, authorize};
use proto::api::time_to_wire;
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::server_server::Server;

use super::Grpc;
use super::authentication::authenticated;
use crate::{Error, S3Place};

#[tonic::async_trait]
impl Server for Grpc {
    async fn health(&self, _request: Request<wire::HealthRequest>) -> Result<Response<wire::HealthResponse>, Status> {
        Ok(Response::new(wire::HealthResponse { installation: self.directory.secrets().installation_id() }))
    }

    async fn version(&self, request: Request<wire::VersionRequest>) -> Result<Response<wire::VersionResponse>, Status> {
        let (caller, _) = authenticated(request)?;
        authorize(&caller, Action::ReadConfig, &Resource::All).map_err(Error::from)?;
        Ok(Response::new(wire::VersionResponse { version: env!("CARGO_PKG_VERSION").to_owned() }))
    }

    async fn who_am_i(&self, request: Request<wire::WhoAmIRequest>) -> Result<Response<wire::WhoAmIResponse>, Status> {
        let (caller, _) = authenticated(request)?;
        let s3_endpoint = if let S3Place::At(url) = &self.s3 { url.clone() } else { String::new() };
        Ok(Response::new(wire::WhoAmIResponse {
            user_id: caller.user.id.0,
            user_name: caller.user.name.into(),
            created_at: Some(time_to_wire(caller.user.created_at)),
            access_key_id: caller.access_key_id,
            s3_endpoint,
            speaks_s3: self.s3 == S3Place::Here,
        }))
    }
}
