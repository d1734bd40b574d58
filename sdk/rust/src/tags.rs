//! Tags: made, found, listed, deleted.

use futures::stream::BoxStream;
use model::{RepositoryName, Tag, TagName};
use proto::generated::api as wire;

use crate::client::new_request_id;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed};

impl Lakebed {
    /// Names a commit: a branch's head, another tag's, or any ref expression's.
    pub async fn create_tag(&self, repository: &RepositoryName, tag: &TagName, source: &str) -> Result<Tag, Error> {
        let request = wire::CreateTagRequest {
            request_id: new_request_id(),
            repository: repository.to_string(),
            tag: tag.to_string(),
            source: source.to_owned(),
        };
        Ok(self.tags().create(request).await?.into_inner().try_into()?)
    }

    /// Finds a tag.
    pub async fn get_tag(&self, repository: &RepositoryName, tag: &TagName) -> Result<Tag, Error> {
        let request = wire::GetTagRequest { repository: repository.to_string(), tag: tag.to_string() };
        Ok(self.tags().get(request).await?.into_inner().try_into()?)
    }

    /// Lists the tags whose names begin so, in the order of their names.
    pub fn list_tags(&self, repository: &RepositoryName, prefix: &str) -> BoxStream<'static, Result<Tag, Error>> {
        let (lakebed, repository, prefix) = (self.clone(), repository.to_string(), prefix.to_owned());
        pages(String::new(), move |after| {
            let mut client = lakebed.tags();
            let (repository, prefix) = (repository.clone(), prefix.clone());
            let request = wire::ListTagsRequest { repository, prefix, after, amount: PAGE_ITEMS };
            async move {
                let page = client.list(request).await?.into_inner();
                let items = page.tags.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Deletes a tag.
    pub async fn delete_tag(&self, repository: &RepositoryName, tag: &TagName) -> Result<(), Error> {
        let request = wire::DeleteTagRequest { repository: repository.to_string(), tag: tag.to_string() };
        self.tags().delete(request).await?;
        Ok(())
    }
}
