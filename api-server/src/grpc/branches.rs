//! Branches over gRPC, their reflogs, and those that are deleted.

use auth::{Action, Resource, authorize, seen_branches, seen_deletions};
use model::{Branch, BranchName, ReadReflog, RepositoryName, UnstageScope};
use proto::api::{InvalidField, parse_optional};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::branches_server::Branches;
use wire::reset_branch_request::Scope;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, next_after, page, reference, request_id, text};
use crate::{Error, flows};

#[tonic::async_trait]
impl Branches for Grpc {
    async fn create(&self, request: Request<wire::CreateBranchRequest>) -> Result<Response<wire::Branch>, Status> {
        let (caller, message) = authenticated(request)?;
        let request = flows::CreateBranchRequest {
            request: request_id(&message.request_id)?,
            repository: text("repository", &message.repository)?,
            branch: text("branch", &message.branch)?,
            source: reference("source", &message.source)?,
            hidden: message.hidden,
        };
        let made = flows::create_branch(&self.graveler, &caller, request).await?;
        Ok(Response::new(made.into()))
    }

    async fn get(&self, request: Request<wire::GetBranchRequest>) -> Result<Response<wire::Branch>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let branch: BranchName = text("branch", &message.branch)?;
        authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, &branch)).map_err(Error::from)?;
        let found = self.graveler.meta().branch(&repository, &branch).await.map_err(Error::from)?;
        Ok(Response::new(found.into()))
    }

    async fn list(
        &self,
        request: Request<wire::ListBranchesRequest>,
    ) -> Result<Response<wire::ListBranchesResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        authorize(&caller, Action::ListBranches, &Resource::at_each_ref(&repository)).map_err(Error::from)?;
        let wire::ListBranchesRequest { prefix, after, amount, show_hidden, .. } = message;
        let fits = |branch: &Branch| show_hidden || !branch.hidden;
        let wanted = page(prefix, after, amount);
        let seen =
            seen_branches(self.graveler.meta(), &caller, &repository, wanted, fits).await.map_err(Error::from)?;
        Ok(Response::new(wire::ListBranchesResponse {
            more: seen.next.is_some(),
            next_after: seen.next.unwrap_or_default(),
            branches: seen.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn delete(
        &self,
        request: Request<wire::DeleteBranchRequest>,
    ) -> Result<Response<wire::DeleteBranchResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let (repository, branch) = (text("repository", &message.repository)?, text("branch", &message.branch)?);
        flows::delete_branch(&self.graveler, &caller, &repository, &branch).await?;
        Ok(Response::new(wire::DeleteBranchResponse {}))
    }

    async fn reset(&self, request: Request<wire::ResetBranchRequest>) -> Result<Response<wire::Branch>, Status> {
        let (caller, message) = authenticated(request)?;
        let (repository, branch) = (text("repository", &message.repository)?, text("branch", &message.branch)?);
        let scope = match message.scope {
            Some(Scope::All(_)) => UnstageScope::All,
            Some(Scope::Prefix(prefix)) => UnstageScope::Prefix(prefix),
            Some(Scope::Path(path)) => UnstageScope::Path(text("path", &path)?),
            None => {
                return Err(
                    Error::from(InvalidField::new("scope", "say what to reset: all, a prefix or a path")).into()
                );
            }
        };
        let reset = flows::reset_branch(&self.graveler, &caller, &repository, &branch, scope).await?;
        Ok(Response::new(reset.into()))
    }

    async fn hard_reset(
        &self,
        request: Request<wire::HardResetBranchRequest>,
    ) -> Result<Response<wire::Branch>, Status> {
        let (caller, message) = authenticated(request)?;
        let request = flows::HardResetRequest {
            repository: text("repository", &message.repository)?,
            branch: text("branch", &message.branch)?,
            to: reference("to", &message.to)?,
            expected: parse_optional("expected_commit_id", &message.expected_commit_id).map_err(Error::from)?,
            discard_uncommitted: message.discard_uncommitted,
        };
        let reset = flows::hard_reset(&self.queues, &caller, &request).await?;
        Ok(Response::new(reset.into()))
    }

    async fn undelete(
        &self,
        request: Request<wire::UndeleteBranchRequest>,
    ) -> Result<Response<wire::UndeleteBranchResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let id = request_id(&message.request_id)?;
        let (repository, branch) = (text("repository", &message.repository)?, text("branch", &message.branch)?);
        let back = flows::undelete_branch(&self.graveler, &caller, id, &repository, &branch).await?;
        Ok(Response::new(wire::UndeleteBranchResponse {
            branch: Some(back.branch.into()),
            uncommitted: Some(back.uncommitted.into()),
        }))
    }

    async fn list_deleted(
        &self,
        request: Request<wire::ListBranchesRequest>,
    ) -> Result<Response<wire::ListDeletedBranchesResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        authorize(&caller, Action::ListBranches, &Resource::at_each_ref(&repository)).map_err(Error::from)?;
        let wire::ListBranchesRequest { prefix, after, amount, .. } = message;
        let wanted = page(prefix, after, amount);
        let seen = seen_deletions(self.graveler.meta(), &caller, &repository, wanted).await.map_err(Error::from)?;
        Ok(Response::new(wire::ListDeletedBranchesResponse {
            more: seen.next.is_some(),
            next_after: seen.next.unwrap_or_default(),
            deletions: seen.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn reflog(&self, request: Request<wire::ReflogRequest>) -> Result<Response<wire::ReflogResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let branch: BranchName = text("branch", &message.branch)?;
        authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, &branch)).map_err(Error::from)?;
        let before = parse_optional("after", &message.after).map_err(Error::from)?;
        let amount = amount(message.amount);
        let query = ReadReflog { repository: repository.clone(), branch: branch.clone(), before, amount };
        let page = self.graveler.meta().ask(query).await.map_err(Error::from)?;
        if page.items.is_empty() && before.is_none() {
            // Nothing is remembered of it: then it must at least be there.
            self.graveler.meta().branch(&repository, &branch).await.map_err(Error::from)?;
        }
        Ok(Response::new(wire::ReflogResponse {
            more: page.more,
            next_after: next_after(page.more, &page.items, |moved| moved.number.to_string()),
            moves: page.items.into_iter().map(Into::into).collect(),
        }))
    }
}
