//! Branches: made, found, listed, reset, deleted.

use futures::stream::BoxStream;
use model::{BranchName, CommitId, RepositoryName, Timestamp, UnstageScope};
use proto::api::{InvalidField, parse, time_from_wire};
use proto::generated::api as wire;
use wire::reset_branch_request::{All, Scope};

use crate::client::new_request_id;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed};

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: BranchName,
    /// Its head.
    pub commit: CommitId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether lists leave it out unless they are asked for it.
    pub hidden: bool,
}

/// Where to move a branch, and when.
#[derive(Debug, Clone, Default)]
pub struct HardReset {
    /// Where to: a branch, tag, commit or any ref expression.
    pub to: String,
    /// Where the branch must be now; anywhere if `None`. Elsewhere, nothing is done and the reason is
    /// [`crate::Reason::Contended`].
    pub expected: Option<CommitId>,
    /// Whether to drop uncommitted changes in the same step; otherwise they stay, over the new head.
    pub discard_uncommitted: bool,
}

impl TryFrom<wire::Branch> for Branch {
    type Error = InvalidField;

    fn try_from(branch: wire::Branch) -> Result<Self, InvalidField> {
        Ok(Self {
            name: parse("name", &branch.name)?,
            commit: parse("commit_id", &branch.commit_id)?,
            created_at: time_from_wire(branch.created_at),
            hidden: branch.hidden,
        })
    }
}

impl Lakebed {
    /// Makes a branch at a source: a branch (its committed head), tag, commit or any ref expression. Costs the same
    /// whatever the repository's size.
    pub async fn create_branch(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        source: &str,
    ) -> Result<Branch, Error> {
        let request = wire::CreateBranchRequest {
            request_id: new_request_id(),
            repository: repository.to_string(),
            branch: branch.to_string(),
            source: source.to_owned(),
            hidden: false,
        };
        Ok(self.branches().create(request).await?.into_inner().try_into()?)
    }

    /// Finds a branch.
    pub async fn get_branch(&self, repository: &RepositoryName, branch: &BranchName) -> Result<Branch, Error> {
        let request = wire::GetBranchRequest { repository: repository.to_string(), branch: branch.to_string() };
        Ok(self.branches().get(request).await?.into_inner().try_into()?)
    }

    /// Lists the branches whose names begin so, in the order of their names; those that are hidden if asked for.
    pub fn list_branches(
        &self,
        repository: &RepositoryName,
        prefix: &str,
        show_hidden: bool,
    ) -> BoxStream<'static, Result<Branch, Error>> {
        let (lakebed, repository, prefix) = (self.clone(), repository.to_string(), prefix.to_owned());
        pages(String::new(), move |after| {
            let mut client = lakebed.branches();
            let (repository, prefix) = (repository.clone(), prefix.clone());
            let request = wire::ListBranchesRequest { repository, prefix, after, amount: PAGE_ITEMS, show_hidden };
            async move {
                let page = client.list(request).await?.into_inner();
                let items = page.branches.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Deletes a branch; [`Self::undelete_branch`] brings it back.
    pub async fn delete_branch(&self, repository: &RepositoryName, branch: &BranchName) -> Result<(), Error> {
        let request = wire::DeleteBranchRequest { repository: repository.to_string(), branch: branch.to_string() };
        self.branches().delete(request).await?;
        Ok(())
    }

    /// Drops uncommitted changes of a branch.
    pub async fn reset_branch(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        scope: UnstageScope,
    ) -> Result<Branch, Error> {
        let scope = match scope {
            UnstageScope::All => Scope::All(All {}),
            UnstageScope::Prefix(prefix) => Scope::Prefix(prefix),
            UnstageScope::Path(path) => Scope::Path(path.into()),
        };
        let request = wire::ResetBranchRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            scope: Some(scope),
        };
        Ok(self.branches().reset(request).await?.into_inner().try_into()?)
    }

    /// Moves a branch to any commit.
    pub async fn hard_reset(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        reset: HardReset,
    ) -> Result<Branch, Error> {
        let request = wire::HardResetBranchRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            to: reset.to,
            expected_commit_id: reset.expected.map(|commit| commit.to_string()).unwrap_or_default(),
            discard_uncommitted: reset.discard_uncommitted,
        };
        Ok(self.branches().hard_reset(request).await?.into_inner().try_into()?)
    }
}
