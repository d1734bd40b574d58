//! Commits over gRPC.

use auth::{Action, Resource, authorize};
use graveler::LogRequest;
use model::{JobKind, RepositoryName};
use prost::Message;
use proto::api::{commit_to_wire, parse_optional, time_from_wire};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::commits_server::Commits;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, decoded, reference, take_request_id, text};
use crate::Error;
use crate::jobs::NewJob;

#[tonic::async_trait]
impl Commits for Grpc {
    async fn create(
        &self,
        request: Request<wire::CreateCommitRequest>,
    ) -> Result<Response<wire::CreateCommitResponse>, Status> {
        let (caller, mut message) = authenticated(request)?;
        let (id, is_async) = (take_request_id(&mut message.request_id)?, std::mem::take(&mut message.r#async));
        let repository = text("repository", &message.repository)?;
        let new = NewJob { id, repository, kind: JobKind::Commit, message: message.encode_to_vec() };
        if is_async {
            let job_id = self.jobs.begin(&caller, new).await?.id.to_string();
            return Ok(Response::new(wire::CreateCommitResponse { job_id, ..Default::default() }));
        }
        Ok(Response::new(decoded(&self.jobs.run(&caller, new).await?)?))
    }

    async fn get(&self, request: Request<wire::GetCommitRequest>) -> Result<Response<wire::Commit>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let expr = reference("ref", &message.r#ref)?;
        authorize(&caller, Action::ReadCommit, &Resource::at_ref(&repository, expr.base())).map_err(Error::from)?;
        let found = self.graveler.resolve(&repository, &expr).await.map_err(Error::from)?;
        let commit = self.graveler.commit_object(&found.repository, &found.commit).await.map_err(Error::from)?;
        Ok(Response::new(commit_to_wire(&found.commit, &commit)))
    }

    async fn log(&self, request: Request<wire::LogRequest>) -> Result<Response<wire::LogResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let expr = reference("ref", &message.r#ref)?;
        let resource = Resource::branch(&repository, expr.base());
        authorize(&caller, Action::ReadBranch, &resource).map_err(Error::from)?;
        let request = LogRequest {
            after: parse_optional("after", &message.after).map_err(Error::from)?,
            amount: amount(message.amount),
            first_parent: message.first_parent,
            objects: message.objects,
            prefixes: message.prefixes,
            since: message.since.map(|since| time_from_wire(Some(since))),
            stop_at: parse_optional("stop_at", &message.stop_at).map_err(Error::from)?,
            limit: message.limit,
        };
        if let Some(named) = &request.stop_at {
            let resource = Resource::branch(&repository, named.base());
            authorize(&caller, Action::ReadBranch, &resource).map_err(Error::from)?;
        }
        let page = self.graveler.log(&repository, &expr, &request).await.map_err(Error::from)?;
        Ok(Response::new(wire::LogResponse {
            more: page.next.is_some(),
            next_after: page.next.map(|next| next.to_string()).unwrap_or_default(),
            commits: page.commits.iter().map(|(id, commit)| commit_to_wire(id, commit)).collect(),
        }))
    }
}
