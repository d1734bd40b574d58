//! Dumps and restores of refs over gRPC: each is a job.

use model::JobKind;
use prost::Message;
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::refs_server::Refs;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{decoded, take_request_id, text};
use crate::jobs::NewJob;

#[tonic::async_trait]
impl Refs for Grpc {
    async fn dump(&self, request: Request<wire::DumpRefsRequest>) -> Result<Response<wire::DumpRefsResponse>, Status> {
        let (caller, mut message) = authenticated(request)?;
        let id = take_request_id(&mut message.request_id)?;
        let repository = text("repository", &message.repository)?;
        let new = NewJob { id, repository, kind: JobKind::DumpRefs, message: message.encode_to_vec() };
        Ok(Response::new(decoded(&self.jobs.run(&caller, new).await?)?))
    }

    async fn restore(
        &self,
        request: Request<wire::RestoreRefsRequest>,
    ) -> Result<Response<wire::RestoreRefsResponse>, Status> {
        let (caller, mut message) = authenticated(request)?;
        let id = take_request_id(&mut message.request_id)?;
        let repository = text("repository", &message.repository)?;
        let new = NewJob { id, repository, kind: JobKind::RestoreRefs, message: message.encode_to_vec() };
        Ok(Response::new(decoded(&self.jobs.run(&caller, new).await?)?))
    }
}
