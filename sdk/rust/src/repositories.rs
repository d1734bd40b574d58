//! Repositories: made, found, listed, forgotten.

use std::collections::BTreeMap;

use futures::stream::BoxStream;
use model::{BranchName, BranchPattern, Repository, RepositoryName};
use proto::generated::api as wire;
use wire::change_repository_request::Change;

use crate::client::new_request_id;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed};

/// What to choose about a new repository; the server chooses the rest.
#[derive(Debug, Clone, Default)]
pub struct CreateRepository {
    /// Where it shall live, under the server's object store. The server reads it, in all the ways in which lakeFS's clients
    /// write one; the repository that is made has it in its one form.
    pub storage_namespace: Option<String>,
    /// The branch that can't be deleted; `main` if not given.
    pub default_branch: Option<BranchName>,
    /// Makes no branch: its refs are to be restored from a dump at its storage namespace, which must be given.
    pub bare: bool,
    /// Whether its second commit brings a small data set, for a first look.
    pub sample_data: bool,
}

impl Lakebed {
    /// Makes a repository.
    pub async fn create_repository(
        &self,
        name: &RepositoryName,
        options: CreateRepository,
    ) -> Result<Repository, Error> {
        let request = wire::CreateRepositoryRequest {
            request_id: new_request_id(),
            name: name.to_string(),
            storage_namespace: options.storage_namespace.unwrap_or_default(),
            default_branch: options.default_branch.map(String::from).unwrap_or_default(),
            bare: options.bare,
            sample_data: options.sample_data,
        };
        Ok(self.repositories().create(request).await?.into_inner().try_into()?)
    }

    /// Finds a repository.
    pub async fn get_repository(&self, name: &RepositoryName) -> Result<Repository, Error> {
        let request = wire::GetRepositoryRequest { name: name.to_string() };
        Ok(self.repositories().get(request).await?.into_inner().try_into()?)
    }

    /// Lists the repositories whose names begin so, in the order of their names.
    pub fn list_repositories(&self, prefix: &str) -> BoxStream<'static, Result<Repository, Error>> {
        let (lakebed, prefix) = (self.clone(), prefix.to_owned());
        pages(String::new(), move |after| {
            let mut client = lakebed.repositories();
            let request = wire::ListRepositoriesRequest { prefix: prefix.clone(), after, amount: PAGE_ITEMS };
            async move {
                let page = client.list(request).await?.into_inner();
                let items = page.repositories.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Forgets a repository with its refs and uncommitted changes. Its objects stay in the object store.
    pub async fn delete_repository(&self, name: &RepositoryName) -> Result<(), Error> {
        let request = wire::DeleteRepositoryRequest { name: name.to_string() };
        self.repositories().delete(request).await?;
        Ok(())
    }

    /// Finds what users note of a repository.
    pub async fn repository_metadata(&self, name: &RepositoryName) -> Result<BTreeMap<String, String>, Error> {
        let request = wire::GetRepositoryRequest { name: name.to_string() };
        Ok(self.repositories().get_metadata(request).await?.into_inner().metadata)
    }

    /// Decides which branches change by merges only, instead of what was decided before. Fails with
    /// [`crate::Reason::SettingsChanged`] if that isn't `expected` any more.
    pub async fn protect_branches(
        &self,
        name: &RepositoryName,
        patterns: &[BranchPattern],
        expected: Option<&[BranchPattern]>,
    ) -> Result<Repository, Error> {
        let texts = |patterns: &[BranchPattern]| patterns.iter().map(ToString::to_string).collect();
        let expected = expected.map(|expected| wire::ExpectedProtection { patterns: texts(expected) });
        self.change_repository(name, Change::Protection(wire::Protection { patterns: texts(patterns), expected })).await
    }

    /// Has a repository take no writes, or take them again.
    pub async fn set_read_only(&self, name: &RepositoryName, read_only: bool) -> Result<Repository, Error> {
        self.change_repository(name, Change::ReadOnly(read_only)).await
    }

    /// Notes some things of a repository and forgets others; the rest stays.
    pub async fn change_repository_metadata(
        &self,
        name: &RepositoryName,
        set: BTreeMap<String, String>,
        remove: Vec<String>,
    ) -> Result<(), Error> {
        self.change_repository(name, Change::Metadata(wire::MetadataChange { set, remove })).await.map(drop)
    }

    async fn change_repository(&self, name: &RepositoryName, change: Change) -> Result<Repository, Error> {
        let request = wire::ChangeRepositoryRequest { repository: name.to_string(), change: Some(change) };
        Ok(self.repositories().change(request).await?.into_inner().try_into()?)
    }
}
