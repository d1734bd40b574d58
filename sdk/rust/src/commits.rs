//! Commits: made, found, and their history.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::BoxStream;
use model::{BranchName, CommitId, MetaRangeId, RepositoryName, RequestId, Timestamp};
use proto::api::{InvalidField, commit_from_wire, parse, request_id_to_wire, time_to_wire};
use proto::generated::api as wire;

use crate::client::new_request_id;
use crate::error::required;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed};

/// An immutable snapshot of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// None for a repository's first, one for a commit, two for a merge (destination first).
    pub parents: Vec<CommitId>,
    /// 1 + the largest of its parents'; the first commit has 1.
    pub generation: u64,
    /// Who committed.
    pub committer: String,
    /// Why.
    pub message: String,
    /// When.
    pub created_at: Timestamp,
    /// What users attached.
    pub metadata: BTreeMap<String, String>,
    /// The root of its tree; `None` is the empty tree.
    pub metarange: Option<MetaRangeId>,
}

impl TryFrom<wire::Commit> for Commit {
    type Error = InvalidField;

    fn try_from(commit: wire::Commit) -> Result<Self, InvalidField> {
        let (id, commit) = commit_from_wire(commit)?;
        let model::Commit { metarange, parents, generation, committer, message, created_at, metadata } = commit;
        Ok(Self { id, parents, generation, committer, message, created_at, metadata, metarange })
    }
}

/// What to say with a commit.
#[derive(Debug, Clone, Default)]
pub struct NewCommit {
    /// Why.
    pub message: String,
    /// What else.
    pub metadata: BTreeMap<String, String>,
    /// Whether to commit even if nothing changed.
    pub allow_empty: bool,
    /// By which the server knows the request if it is made again; drawn anew for each call if `None`.
    pub request_id: Option<RequestId>,
}

impl NewCommit {
    /// A commit with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit that holds the changes.
    pub commit: Commit,
    /// How many objects it adds, changes or removes; `None` if another caller's commit took the changes along.
    pub changes: Option<u64>,
}

/// Which part of a log.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Only first parents: the branch's own history, without what was merged into it.
    pub first_parent: bool,
    /// Begin after this commit.
    pub after: Option<CommitId>,
    /// Only commits that changed one of these objects, or something under a prefix; all if both are empty.
    pub objects: Vec<String>,
    /// See `objects`.
    pub prefixes: Vec<String>,
    /// Only commits that aren't older; what lies after an older one isn't looked at.
    pub since: Option<Timestamp>,
    /// The last commit of the log, if it comes to it: a branch, tag, commit or any ref expression.
    pub stop_at: Option<String>,
}

impl Lakebed {
    /// Commits what is uncommitted on a branch. Commits of others at the same time are no obstacle.
    ///
    /// The commit goes on at the server when the connection breaks: the same call with the same request id gets its
    /// answer.
    pub async fn commit(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        commit: NewCommit,
    ) -> Result<Committed, Error> {
        self.commits().create(request(repository, branch, commit, false)).await?.into_inner().try_into()
    }

    /// Begins a commit that goes on by itself; returns its job's id.
    pub async fn begin_commit(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        commit: NewCommit,
    ) -> Result<RequestId, Error> {
        let answer = self.commits().create(request(repository, branch, commit, true)).await?.into_inner();
        Ok(parse("job_id", &answer.job_id)?)
    }

    /// Finds the commit that a ref expression names.
    pub async fn get_commit(&self, repository: &RepositoryName, reference: &str) -> Result<Commit, Error> {
        let request = wire::GetCommitRequest { repository: repository.to_string(), r#ref: reference.to_owned() };
        Ok(self.commits().get(request).await?.into_inner().try_into()?)
    }

    /// Lists the commits that a ref reaches, children before their parents.
    pub fn log(
        &self,
        repository: &RepositoryName,
        reference: &str,
        options: LogOptions,
    ) -> BoxStream<'static, Result<Commit, Error>> {
        let after = options.after.map(|id| id.to_string()).unwrap_or_default();
        let (lakebed, repository, reference) = (self.clone(), repository.to_string(), reference.to_owned());
        pages(after, move |after| {
            let mut client = lakebed.commits();
            let request = wire::LogRequest {
                repository: repository.clone(),
                r#ref: reference.clone(),
                after,
                amount: PAGE_ITEMS,
                first_parent: options.first_parent,
                objects: options.objects.clone(),
                prefixes: options.prefixes.clone(),
                since: options.since.map(time_to_wire),
                stop_at: options.stop_at.clone().unwrap_or_default(),
                limit: false,
            };
            async move {
                let page = client.log(request).await?.into_inner();
                let items = page.commits.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }
}

fn request(
    repository: &RepositoryName,
    branch: &BranchName,
    commit: NewCommit,
    is_async: bool,
) -> wire::CreateCommitRequest {
    wire::CreateCommitRequest {
        repository: repository.to_string(),
        branch: branch.to_string(),
        message: commit.message,
        metadata: commit.metadata,
        allow_empty: commit.allow_empty,
        request_id: id_or_new(commit.request_id),
        r#async: is_async,
        created_at: None,
        force: false,
    }
}

/// A request id's bytes; new ones if none is given.
pub(crate) fn id_or_new(id: Option<RequestId>) -> Bytes {
    id.map_or_else(new_request_id, request_id_to_wire)
}

impl TryFrom<wire::CreateCommitResponse> for Committed {
    type Error = Error;

    fn try_from(answer: wire::CreateCommitResponse) -> Result<Self, Error> {
        Ok(Self { commit: required(answer.commit, "commit")?.try_into()?, changes: answer.changes })
    }
}
