//! Merges of a ref into a branch. Conflicts are values.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::BoxStream;
use model::{BranchName, CommitId, ObjectPath, RepositoryName, RequestId};
use proto::api::{InvalidField, parse, parse_optional};
use proto::generated::api as wire;
use wire::merge_response::Outcome;

use crate::commits::id_or_new;
use crate::error::required;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Commit, Error, Lakebed, Object};

/// Which side wins where both changed an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The source.
    SourceWins,
    /// The destination.
    DestinationWins,
}

/// How to merge.
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// The merge commit's; empty for one that names both sides.
    pub message: String,
    /// What else the merge commit shall hold.
    pub metadata: BTreeMap<String, String>,
    /// Decides conflicts; without one they are the answer.
    pub strategy: Option<Strategy>,
    /// Tells what would come of it and changes nothing.
    pub dry_run: bool,
    /// Makes a commit with one parent, the destination: the source's history stays out of it.
    pub squash: bool,
    /// Conflicts after this path.
    pub conflicts_after: String,
    /// How many conflicts at most, up to 1,000; 0 is 100.
    pub conflicts_amount: u32,
    /// By which the server knows the request if it is made again; drawn anew for each call if `None`.
    pub request_id: Option<RequestId>,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is done.
    Merged {
        /// The merge commit, now the destination's head.
        commit: Commit,
        /// How many objects were looked at one by one and changed; what was taken over whole isn't counted.
        changes: u64,
    },
    /// The destination holds the source's history already; nothing to do.
    UpToDate {
        /// The destination's head.
        head: CommitId,
    },
    /// Both sides changed the same objects; nothing was changed.
    Conflicts(Conflicts),
    /// What a dry run without conflicts would do.
    Preview(Summary),
}

/// What a merge does to the destination, in objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// New paths.
    pub added: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths with another object.
    pub changed: u64,
}

/// One page of conflicts, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// In order; those at paths that the caller may list on both sides.
    pub items: Vec<Conflict>,
    /// How many conflicts of this page are at other paths.
    pub unnamed: u64,
    /// What to give as [`MergeOptions::conflicts_after`] for the next page, if there is one.
    pub next_after: Option<String>,
}

/// An object that both sides changed, each in its own way; `None` where a side doesn't have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub path: ObjectPath,
    /// What their common ancestor has; `None` too where they have several that disagree.
    pub base: Option<Object>,
    /// What the source has.
    pub source: Option<Object>,
    /// What the destination has.
    pub destination: Option<Object>,
}

/// Where two refs went apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeBase {
    /// The one's commit.
    pub left: CommitId,
    /// The other's.
    pub right: CommitId,
    /// Their best common ancestor, the first if there are several; `None` if they have nothing in common.
    pub base: Option<CommitId>,
    /// All best common ancestors: those of which no other common ancestor descends. A merge takes all of them for its base.
    pub bases: Vec<CommitId>,
}

impl Lakebed {
    /// Merges what is committed in a ref into a branch. Merges of others into the same branch are no obstacle.
    ///
    /// The merge goes on at the server when the connection breaks: the same call with the same request id gets its
    /// answer.
    pub async fn merge(
        &self,
        repository: &RepositoryName,
        source: &str,
        destination: &BranchName,
        options: MergeOptions,
    ) -> Result<MergeOutcome, Error> {
        let request = request(repository, source, destination, options, false);
        self.merges().merge(request).await?.into_inner().try_into()
    }

    /// Begins a merge that goes on by itself; returns its job's id.
    pub async fn begin_merge(
        &self,
        repository: &RepositoryName,
        source: &str,
        destination: &BranchName,
        options: MergeOptions,
    ) -> Result<RequestId, Error> {
        let request = request(repository, source, destination, options, true);
        let answer = self.merges().merge(request).await?.into_inner();
        Ok(parse("job_id", &answer.job_id)?)
    }

    /// Streams the conflicts that a merge would have, in the order of paths, changing nothing: all that the caller may list.
    pub fn conflicts(
        &self,
        repository: &RepositoryName,
        source: &str,
        destination: &BranchName,
    ) -> BoxStream<'static, Result<Conflict, Error>> {
        let (lakebed, repository) = (self.clone(), repository.clone());
        let (source, destination) = (source.to_owned(), destination.clone());
        pages(String::new(), move |conflicts_after| {
            let (lakebed, repository) = (lakebed.clone(), repository.clone());
            let (source, destination) = (source.clone(), destination.clone());
            let options =
                MergeOptions { dry_run: true, conflicts_after, conflicts_amount: PAGE_ITEMS, ..Default::default() };
            async move {
                match lakebed.merge(&repository, &source, &destination, options).await? {
                    MergeOutcome::Conflicts(found) => Ok(Page { items: found.items, next_after: found.next_after }),
                    _ => Ok(Page { items: Vec::new(), next_after: None }),
                }
            }
        })
    }

    /// Finds the commits from which two refs went apart.
    pub async fn merge_base(&self, repository: &RepositoryName, left: &str, right: &str) -> Result<MergeBase, Error> {
        let (left, right) = (left.to_owned(), right.to_owned());
        let request = wire::FindBaseRequest { repository: repository.to_string(), left, right };
        let answer = self.merges().find_base(request).await?.into_inner();
        let base = parse_optional("base_commit_id", &answer.base_commit_id)?;
        let bases =
            answer.base_commit_ids.iter().map(|id| parse("base_commit_ids", id)).collect::<Result<Vec<_>, _>>()?;
        Ok(MergeBase {
            left: parse("left_commit_id", &answer.left_commit_id)?,
            right: parse("right_commit_id", &answer.right_commit_id)?,
            // A server of before sends one alone.
            bases: if bases.is_empty() { base.into_iter().collect() } else { bases },
            base,
        })
    }
}

fn request(
    repository: &RepositoryName,
    source: &str,
    destination: &BranchName,
    options: MergeOptions,
    is_async: bool,
) -> wire::MergeRequest {
    wire::MergeRequest {
        repository: repository.to_string(),
        source: source.to_owned(),
        destination: destination.to_string(),
        message: options.message,
        metadata: options.metadata,
        strategy: strategy_to_wire(options.strategy).into(),
        // A dry run does nothing that could be done twice.
        request_id: if options.dry_run { Bytes::new() } else { id_or_new(options.request_id) },
        dry_run: options.dry_run,
        squash: options.squash,
        conflicts_after: options.conflicts_after,
        conflicts_amount: options.conflicts_amount,
        r#async: is_async,
        must_change: false,
        force: false,
    }
}

impl TryFrom<wire::MergeResponse> for MergeOutcome {
    type Error = Error;

    fn try_from(answer: wire::MergeResponse) -> Result<Self, Error> {
        Ok(required(answer.outcome, "outcome")?.try_into()?)
    }
}

pub(crate) fn strategy_to_wire(strategy: Option<Strategy>) -> wire::Strategy {
    match strategy {
        None => wire::Strategy::Unspecified,
        Some(Strategy::SourceWins) => wire::Strategy::SourceWins,
        Some(Strategy::DestinationWins) => wire::Strategy::DestinationWins,
    }
}

impl TryFrom<wire::Conflicts> for Conflicts {
    type Error = InvalidField;

    fn try_from(found: wire::Conflicts) -> Result<Self, InvalidField> {
        Ok(Self {
            items: found.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            unnamed: found.unnamed,
            next_after: found.more.then_some(found.next_after),
        })
    }
}

impl TryFrom<Outcome> for MergeOutcome {
    type Error = InvalidField;

    fn try_from(outcome: Outcome) -> Result<Self, InvalidField> {
        let missing = || InvalidField::new("commit", "missing");
        Ok(match outcome {
            Outcome::Merged(merged) => {
                Self::Merged { commit: merged.commit.ok_or_else(missing)?.try_into()?, changes: merged.changes }
            }
            Outcome::UpToDate(head) => Self::UpToDate { head: parse("commit_id", &head.commit_id)? },
            Outcome::Conflicts(found) => Self::Conflicts(found.try_into()?),
            Outcome::Preview(preview) => Self::Preview(preview.summary.unwrap_or_default().into()),
        })
    }
}

impl From<wire::Summary> for Summary {
    fn from(summary: wire::Summary) -> Self {
        let wire::Summary { added, removed, changed } = summary;
        Self { added, removed, changed }
    }
}

impl TryFrom<wire::Conflict> for Conflict {
    type Error = InvalidField;

    fn try_from(conflict: wire::Conflict) -> Result<Self, InvalidField> {
        Ok(Self {
            path: parse("path", &conflict.path)?,
            base: conflict.base.map(TryInto::try_into).transpose()?,
            source: conflict.source.map(TryInto::try_into).transpose()?,
            destination: conflict.destination.map(TryInto::try_into).transpose()?,
        })
    }
}
