//! Imports over gRPC: each is a job.

use model::JobKind;
use prost::Message;
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::imports_server::Imports;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{decoded, take_request_id, text};
use crate::jobs::NewJob;

#[tonic::async_trait]
impl Imports for Grpc {
    async fn import(&self, request: Request<wire::ImportRequest>) -> Result<Response<wire::ImportResponse>, Status> {
        let (caller, mut message) = authenticated(request)?;
        let (id, is_async) = (take_request_id(&mut message.request_id)?, std::mem::take(&mut message.r#async));
        let repository = text("repository", &message.repository)?;
        let new = NewJob { id, repository, kind: JobKind::Import, message: message.encode_to_vec() };
        if is_async {
            let job_id = self.jobs.begin(&caller, new).await?.id.to_string();
            return Ok(Response::new(wire::ImportResponse { job_id, ..Default::default() }));
        }
        Ok(Response::new(decoded(&self.jobs.run(&caller, new).await?)?))
    }
}
