//! Differences between refs, and between a branch and what is uncommitted on it.

use futures::stream::BoxStream;
use model::{BranchName, RepositoryName};
use proto::api::InvalidField;
use proto::generated::api as wire;

use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed, Object};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiffKind {
    /// From left to right, as they are.
    #[default]
    TwoDot,
    /// From the merge base of both to right, as far as left doesn't have the same: what a merge of right into left would
    /// bring, and where it would conflict.
    ThreeDot,
}

/// Which part of a difference.
#[derive(Debug, Clone, Default)]
pub struct DiffOptions {
    /// Paths begin so.
    pub prefix: String,
    /// Changes under a common prefix are shown as one item.
    pub delimiter: Option<String>,
}

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only right has it.
    Added,
    /// Only left has it.
    Removed,
    /// Both have it, and a reader sees another object.
    Changed,
    /// Both changed it since their merge base, each in its way; only of [`DiffKind::ThreeDot`].
    Conflict,
    /// Something under this common prefix differs.
    Prefix,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffItem {
    /// An object's path, or a common prefix.
    pub path: String,
    /// How it differs.
    pub change: Change,
    /// What left has.
    pub left: Option<Object>,
    /// What right has.
    pub right: Option<Object>,
}

impl TryFrom<wire::DiffItem> for DiffItem {
    type Error = InvalidField;

    fn try_from(item: wire::DiffItem) -> Result<Self, InvalidField> {
        let change = match item.change() {
            wire::Change::Added => Change::Added,
            wire::Change::Removed => Change::Removed,
            wire::Change::Changed => Change::Changed,
            wire::Change::Conflict => Change::Conflict,
            wire::Change::Prefix => Change::Prefix,
            wire::Change::Unspecified => return Err(InvalidField::new("change", "unknown")),
        };
        Ok(Self {
            path: item.path,
            change,
            left: item.left.map(TryInto::try_into).transpose()?,
            right: item.right.map(TryInto::try_into).transpose()?,
        })
    }
}

impl Lakebed {
    /// Compares what is committed in two refs, in the order of paths.
    pub fn diff(
        &self,
        repository: &RepositoryName,
        left: &str,
        right: &str,
        kind: DiffKind,
        options: DiffOptions,
    ) -> BoxStream<'static, Result<DiffItem, Error>> {
        let kind = match kind {
            DiffKind::TwoDot => wire::DiffKind::TwoDot,
            DiffKind::ThreeDot => wire::DiffKind::ThreeDot,
        };
        let template = wire::DiffRefsRequest {
            repository: repository.to_string(),
            left: left.to_owned(),
            right: right.to_owned(),
            kind: kind.into(),
            prefix: options.prefix,
            delimiter: options.delimiter.unwrap_or_default(),
            after: String::new(),
            amount: PAGE_ITEMS,
        };
        let lakebed = self.clone();
        pages(String::new(), move |after| {
            let mut client = lakebed.diffs();
            let request = wire::DiffRefsRequest { after, ..template.clone() };
            async move { page(client.refs(request).await?.into_inner()) }
        })
    }

    /// Compares a branch's uncommitted state (right) with its head (left), in the order of paths.
    pub fn diff_uncommitted(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        options: DiffOptions,
    ) -> BoxStream<'static, Result<DiffItem, Error>> {
        let template = wire::DiffUncommittedRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            prefix: options.prefix,
            delimiter: options.delimiter.unwrap_or_default(),
            after: String::new(),
            amount: PAGE_ITEMS,
        };
        let lakebed = self.clone();
        pages(String::new(), move |after| {
            let mut client = lakebed.diffs();
            let request = wire::DiffUncommittedRequest { after, ..template.clone() };
            async move { page(client.uncommitted(request).await?.into_inner()) }
        })
    }
}

fn page(answer: wire::DiffResponse) -> Result<Page<DiffItem>, Error> {
    let items = answer.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page::new(items, answer.more, answer.next_after))
}
