//! Repositories over gRPC.

use auth::{Action, Resource, authorize, seen_repositories};
use model::{BranchName, BranchPattern, GetSettings, RepositoryName, SettingsChange};
use proto::api::{InvalidField, parse_optional};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::change_repository_request::Change;
use wire::repositories_server::Repositories;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{page, request_id, text};
use crate::{Error, flows};

const BRANCH_DEFAULT: &str = "main";

#[tonic::async_trait]
impl Repositories for Grpc {
    async fn create(
        &self,
        request: Request<wire::CreateRepositoryRequest>,
    ) -> Result<Response<wire::Repository>, Status> {
        let (caller, message) = authenticated(request)?;
        let default_branch: Option<BranchName> =
            parse_optional("default_branch", &message.default_branch).map_err(Error::from)?;
        let request = flows::CreateRepositoryRequest {
            request: request_id(&message.request_id)?,
            name: text("name", &message.name)?,
            namespace: (self.graveler.stores().namespace(&message.storage_namespace))
                .map_err(|why| Error::from(InvalidField::new("storage_namespace", why)))?,
            default_branch: match default_branch {
                Some(branch) => branch,
                None => BRANCH_DEFAULT.parse().expect("because it is a valid name"),
            },
            bare: message.bare,
            sample_data: message.sample_data,
        };
        let made = flows::create_repository(&self.queues, &caller, &request).await?;
        Ok(Response::new(made.into()))
    }

    async fn get(&self, request: Request<wire::GetRepositoryRequest>) -> Result<Response<wire::Repository>, Status> {
        let (caller, message) = authenticated(request)?;
        let name: RepositoryName = text("name", &message.name)?;
        authorize(&caller, Action::ReadRepository, &Resource::Repository(name.clone())).map_err(Error::from)?;
        let found = self.graveler.meta().repository(&name).await.map_err(Error::from)?;
        Ok(Response::new(found.into()))
    }

    async fn list(
        &self,
        request: Request<wire::ListRepositoriesRequest>,
    ) -> Result<Response<wire::ListRepositoriesResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        authorize(&caller, Action::ListRepositories, &Resource::All).map_err(Error::from)?;
        let wire::ListRepositoriesRequest { prefix, after, amount } = message;
        let wanted = page(prefix, after, amount);
        let seen = seen_repositories(self.graveler.meta(), &caller, wanted, |_| true).await.map_err(Error::from)?;
        Ok(Response::new(wire::ListRepositoriesResponse {
            more: seen.next.is_some(),
            next_after: seen.next.unwrap_or_default(),
            repositories: seen.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn delete(
        &self,
        request: Request<wire::DeleteRepositoryRequest>,
    ) -> Result<Response<wire::DeleteRepositoryResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let name = text("name", &message.name)?;
        flows::delete_repository(&self.graveler, &caller, &name).await?;
        Ok(Response::new(wire::DeleteRepositoryResponse {}))
    }

    async fn get_metadata(
        &self,
        request: Request<wire::GetRepositoryRequest>,
    ) -> Result<Response<wire::RepositoryMetadata>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("name", &message.name)?;
        authorize(&caller, Action::ReadRepository, &Resource::Repository(repository.clone())).map_err(Error::from)?;
        let found = self.graveler.meta().ask(GetSettings { repository }).await.map_err(Error::from)?;
        Ok(Response::new(wire::RepositoryMetadata { metadata: found.settings.metadata }))
    }

    async fn change(
        &self,
        request: Request<wire::ChangeRepositoryRequest>,
    ) -> Result<Response<wire::Repository>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let change = change(message.change)?;
        flows::change_settings(&self.graveler, &caller, &repository, change).await?;
        let changed = self.graveler.meta().repository(&repository).await.map_err(Error::from)?;
        Ok(Response::new(changed.into()))
    }
}

fn change(change: Option<Change>) -> Result<SettingsChange, Status> {
    let patterns = |patterns: Vec<String>| -> Result<Vec<BranchPattern>, Status> {
        patterns.iter().map(|pattern| text("patterns", pattern)).collect()
    };
    Ok(match change {
        Some(Change::Protection(wire::Protection { patterns: wanted, expected })) => SettingsChange::Protect {
            patterns: patterns(wanted)?,
            expected: expected.map(|expected| patterns(expected.patterns)).transpose()?,
        },
        Some(Change::ReadOnly(read_only)) => SettingsChange::ReadOnly(read_only),
        Some(Change::Metadata(wire::MetadataChange { set, remove })) => SettingsChange::Metadata { set, remove },
        None => return Err(Error::from(InvalidField::new("change", "say what to change")).into()),
    })
}
