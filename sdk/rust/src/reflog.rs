//! Where branches were: the reflog, deleted branches, and how they come back.

use futures::stream::BoxStream;
use model::{BranchName, CommitId, RepositoryName, Timestamp};
use proto::api::{InvalidField, parse, parse_optional, time_from_wire};
use proto::generated::api as wire;
use wire::uncommitted::State;

use crate::client::new_request_id;
use crate::error::required;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Branch, Error, Lakebed};

/// One move of a branch's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReflogEntry {
    /// Which branch.
    pub branch: BranchName,
    /// Grows by one from move to move.
    pub number: u64,
    /// Where the head was; `None` if the branch was made or brought back.
    pub old: Option<CommitId>,
    /// Where it went; `None` if the branch was deleted.
    pub new: Option<CommitId>,
    /// Who moved it.
    pub who: String,
    /// The verb and a line about it.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// Until when this is remembered.
    pub expires: Timestamp,
    /// What becomes of uncommitted changes, if this is a deletion.
    pub uncommitted: Option<Uncommitted>,
}

/// What becomes of a deleted branch's uncommitted changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncommitted {
    /// It had none.
    Absent,
    /// They come back with the branch until then, or just did.
    Kept(Timestamp),
    /// They were kept for a while and are gone, or are back on the branch.
    Gone,
}

impl TryFrom<wire::ReflogEntry> for ReflogEntry {
    type Error = InvalidField;

    fn try_from(moved: wire::ReflogEntry) -> Result<Self, InvalidField> {
        Ok(Self {
            branch: parse("branch", &moved.branch)?,
            number: moved.number,
            old: parse_optional("old_commit_id", &moved.old_commit_id)?,
            new: parse_optional("new_commit_id", &moved.new_commit_id)?,
            who: moved.who,
            why: moved.why,
            at: time_from_wire(moved.at),
            expires: time_from_wire(moved.expires),
            uncommitted: moved.uncommitted.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<wire::Uncommitted> for Uncommitted {
    type Error = InvalidField;

    fn try_from(uncommitted: wire::Uncommitted) -> Result<Self, InvalidField> {
        Ok(match uncommitted.state.ok_or_else(|| InvalidField::new("uncommitted", "is missing"))? {
            State::Absent(_) => Self::Absent,
            State::Kept(kept) => Self::Kept(time_from_wire(kept.until)),
            State::Gone(_) => Self::Gone,
        })
    }
}

impl Lakebed {
    /// Lists where a branch's head was, newest first; a deleted branch's too. The n-th from 0 on is what the ref
    /// expression `branch@{n}` speaks of.
    pub fn reflog(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
    ) -> BoxStream<'static, Result<ReflogEntry, Error>> {
        let (lakebed, repository, branch) = (self.clone(), repository.to_string(), branch.to_string());
        pages(String::new(), move |after| {
            let mut client = lakebed.branches();
            let (repository, branch) = (repository.clone(), branch.clone());
            let request = wire::ReflogRequest { repository, branch, after, amount: PAGE_ITEMS };
            async move {
                let page = client.reflog(request).await?.into_inner();
                let items = page.moves.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Lists the deletions of the branches that can be brought back and whose names begin so, in the order of their names.
    pub fn list_deleted_branches(
        &self,
        repository: &RepositoryName,
        prefix: &str,
    ) -> BoxStream<'static, Result<ReflogEntry, Error>> {
        let (lakebed, repository, prefix) = (self.clone(), repository.to_string(), prefix.to_owned());
        pages(String::new(), move |after| {
            let mut client = lakebed.branches();
            let (repository, prefix) = (repository.clone(), prefix.clone());
            let request =
                wire::ListBranchesRequest { repository, prefix, after, amount: PAGE_ITEMS, show_hidden: true };
            async move {
                let page = client.list_deleted(request).await?.into_inner();
                let items = page.deletions.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Brings back the branch that was deleted last under a name, and tells whether its uncommitted changes came back.
    pub async fn undelete_branch(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
    ) -> Result<(Branch, Uncommitted), Error> {
        let request = wire::UndeleteBranchRequest {
            request_id: new_request_id(),
            repository: repository.to_string(),
            branch: branch.to_string(),
        };
        let answer = self.branches().undelete(request).await?.into_inner();
        let uncommitted = required(answer.uncommitted, "uncommitted")?.try_into()?;
        Ok((required(answer.branch, "branch")?.try_into()?, uncommitted))
    }
}
