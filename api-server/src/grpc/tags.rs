//! Tags over gRPC.

use auth::{Action, Resource, authorize, seen_tags};
use model::{RepositoryName, TagName};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::tags_server::Tags;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{page, reference, request_id, text};
use crate::{Error, flows};

#[tonic::async_trait]
impl Tags for Grpc {
    async fn create(&self, request: Request<wire::CreateTagRequest>) -> Result<Response<wire::Tag>, Status> {
        let (caller, message) = authenticated(request)?;
        let id = request_id(&message.request_id)?;
        let (repository, tag) = (text("repository", &message.repository)?, text("tag", &message.tag)?);
        let source = reference("source", &message.source)?;
        let made = flows::create_tag(&self.graveler, &caller, id, &repository, &tag, &source).await?;
        Ok(Response::new(made.into()))
    }

    async fn get(&self, request: Request<wire::GetTagRequest>) -> Result<Response<wire::Tag>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let tag: TagName = text("tag", &message.tag)?;
        authorize(&caller, Action::ReadTag, &Resource::Tag(repository.clone(), tag.clone())).map_err(Error::from)?;
        let found = self.graveler.meta().lookup(&repository, &(&tag).into(), None).await.map_err(Error::from)?;
        Ok(Response::new(found.target.into_tag(&tag).map_err(Error::from)?.into()))
    }

    async fn list(&self, request: Request<wire::ListTagsRequest>) -> Result<Response<wire::ListTagsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        authorize(&caller, Action::ListTags, &Resource::at_each_ref(&repository)).map_err(Error::from)?;
        let wire::ListTagsRequest { prefix, after, amount, .. } = message;
        let wanted = page(prefix, after, amount);
        let seen = seen_tags(self.graveler.meta(), &caller, &repository, wanted).await.map_err(Error::from)?;
        Ok(Response::new(wire::ListTagsResponse {
            more: seen.next.is_some(),
            next_after: seen.next.unwrap_or_default(),
            tags: seen.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn delete(
        &self,
        request: Request<wire::DeleteTagRequest>,
    ) -> Result<Response<wire::DeleteTagResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let (repository, tag) = (text("repository", &message.repository)?, text("tag", &message.tag)?);
        flows::delete_tag(&self.graveler, &caller, &repository, &tag).await?;
        Ok(Response::new(wire::DeleteTagResponse {}))
    }
}
