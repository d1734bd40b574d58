//! Commits over gRPC.

use auth::{Action, Resource, authorize};
use graveler::LogRequest;
use model::RepositoryName;
use proto::api::{commit_to_wire, parse_optional, time_from_wire};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::commits_server::Commits;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, reference, text};
use crate::{Error, flows};

#[tonic::async_trait]
impl Commits for Grpc {
    async fn create(
        &self,
        request: Request<wire::CreateCommitRequest>,
    ) -> Result<Response<wire::CreateCommitResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let request = flows::CommitRequest {
            repository: text("repository", &message.repository)?,
            branch: text("branch", &message.branch)?,
            message: message.message,
            metadata: message.metadata,
            allow_empty: message.allow_empty,
            created_at: None,
        };
        let committed = flows::commit(&self.graveler, &caller, &request).await?;
        Ok(Response::new(wire::CreateCommitResponse {
            commit: Some(commit_to_wire(&committed.id, &committed.commit)),
            changes: committed.changes,
        }))
    }

    async fn get(&self, request: Request<wire::GetCommitRequest>) -> Result<Response<wire::Commit>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let expr = reference("ref", &message.r#ref)?;
        authorize(&caller, Action::ReadCommit, &Resource::Repository(repository.clone())).map_err(Error::from)?;
        let found = self.graveler.resolve(&repository, &expr).await.map_err(Error::from)?;
        let commit = self.graveler.commit_object(&found.repository, &found.commit).await.map_err(Error::from)?;
        Ok(Response::new(commit_to_wire(&found.commit, &commit)))
    }

    async fn log(&self, request: Request<wire::LogRequest>) -> Result<Response<wire::LogResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let expr = reference("ref", &message.r#ref)?;
        let resource = Resource::Branch(repository.clone(), expr.base().clone());
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
            let resource = Resource::Branch(repository.clone(), named.base().clone());
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
