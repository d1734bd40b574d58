//! Merges over gRPC.

use auth::{Action, Resource, authorize};
use model::{CommitId, JobKind, RepositoryName};
use prost::Message;
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::merges_server::Merges;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{decoded, reference, take_request_id, text};
use crate::commit_queue::RequestContext;
use crate::jobs::{self, NewJob};
use crate::{Error, flows};

#[tonic::async_trait]
impl Merges for Grpc {
    async fn merge(&self, request: Request<wire::MergeRequest>) -> Result<Response<wire::MergeResponse>, Status> {
        let (caller, mut message) = authenticated(request)?;
        if message.dry_run {
            let request = jobs::merge::request(message)?;
            let outcome = flows::merge(&self.queues, &caller, &request, &RequestContext::default()).await?;
            let outcome = Some(jobs::merge::to_wire(outcome));
            return Ok(Response::new(wire::MergeResponse { outcome, job_id: String::new() }));
        }
        let (id, is_async) = (take_request_id(&mut message.request_id)?, std::mem::take(&mut message.r#async));
        let repository = text("repository", &message.repository)?;
        let new = NewJob { id, repository, kind: JobKind::Merge, message: message.encode_to_vec() };
        if is_async {
            let job_id = self.jobs.begin(&caller, new).await?.id.to_string();
            return Ok(Response::new(wire::MergeResponse { outcome: None, job_id }));
        }
        Ok(Response::new(decoded(&self.jobs.run(&caller, new).await?)?))
    }

    async fn find_base(
        &self,
        request: Request<wire::FindBaseRequest>,
    ) -> Result<Response<wire::FindBaseResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let (left, right) = (reference("left", &message.left)?, reference("right", &message.right)?);
        for side in [&left, &right] {
            let resource = Resource::at_ref(&repository, side.base());
            authorize(&caller, Action::ListCommits, &resource).map_err(Error::from)?;
        }
        let left = self.graveler.resolve(&repository, &left).await.map_err(Error::from)?;
        let right = self.graveler.resolve(&repository, &right).await.map_err(Error::from)?;
        let bases = self.graveler.merge_bases(&left.repository, &left.commit, &right.commit).await;
        let bases: Vec<String> = bases.map_err(Error::from)?.iter().map(CommitId::to_string).collect();
        Ok(Response::new(wire::FindBaseResponse {
            left_commit_id: left.commit.to_string(),
            right_commit_id: right.commit.to_string(),
            base_commit_id: bases.first().cloned().unwrap_or_default(),
            base_commit_ids: bases,
        }))
    }
}
