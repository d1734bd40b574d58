//! Compares two refs, or a branch's staged changes with its head. Owns pages, prefixes and delimiters; `tree/diff` and
//! `tree/incoming` own the walks. Invariant: what a reader sees alike on both sides is no difference, wherever its bytes
//! lie.

use bytes::Bytes;
use model::{BranchName, CommitId, Entry, Repository, RepositoryName, StagedValue};

use super::merge::ThreeWay;
use super::prefix::{Grouping, OnPage, Pager, Shows, behind_prefix};
use super::virtual_base::Base;
use crate::boxed;
use crate::graveler::Work;
use crate::history::{merge_bases, read_commit};
use crate::staging::StagedCursor;
use crate::tree::diff::{Difference, TreeDiff, same_content};
use crate::tree::incoming::Incoming;
use crate::tree::{Files, RecordCursor, record};
use crate::{Error, Graveler, RefExpr};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffKind {
    /// The right ref with the left one.
    TwoDot,
    /// The right ref with the merge base of both, as far as left doesn't have the same: what a merge of right into left
    /// would bring, and where it would conflict.
    ThreeDot,
}

/// Which part of a diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffRequest {
    /// Paths begin so.
    pub prefix: String,
    /// Changes under a common prefix are shown as one item.
    pub delimiter: Option<String>,
    /// Items after this one: a path, or a common prefix, whose paths are then all skipped.
    pub after: String,
    /// How many items at most; more than [`model::PAGE_MAX`] is taken as that.
    pub amount: usize,
}

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only right has it.
    Added,
    /// Only left has it.
    Removed,
    /// Both have it, and a reader sees another object.
    Changed,
    /// Right and left both changed it since their merge base, each in its way. Only of [`DiffKind::ThreeDot`].
    Conflict,
    /// Something under this common prefix differs.
    PrefixChanged,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffItem {
    /// Where: an object's path or a common prefix.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
    /// What left has.
    pub left: Option<Entry>,
    /// What right has.
    pub right: Option<Entry>,
}

/// One page of a diff, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffPage {
    /// In order.
    pub items: Vec<DiffItem>,
    /// What the next page comes after, if there is one.
    pub next: Option<String>,
}

impl Graveler {
    /// Compares what is committed in two refs. Ranges that are equal are not read.
    #[boxed]
    pub async fn diff(
        &self,
        repository: &RepositoryName,
        left: &RefExpr,
        right: &RefExpr,
        kind: DiffKind,
        request: &DiffRequest,
    ) -> Result<DiffPage, Error> {
        self.diff_shown(repository, left, right, kind, request, Box::new(|_| true)).await
    }

    /// As [`Self::diff`], of what `shows` lets through, as in [`Self::list_shown`].
    #[boxed]
    pub async fn diff_shown(
        &self,
        repository: &RepositoryName,
        left: &RefExpr,
        right: &RefExpr,
        kind: DiffKind,
        request: &DiffRequest,
        shows: Box<Shows>,
    ) -> Result<DiffPage, Error> {
        let (to, from) = (self.resolve(repository, right).await?, self.resolve(repository, left).await?);
        let files = self.files(&to.repository)?;
        let destination = read_commit(&files, from.commit).await?.metarange;
        let source = read_commit(&files, to.commit).await?.metarange;
        let request = request.clone();
        if kind == DiffKind::TwoDot {
            return self
                .heavy(Work::Scan, async move || {
                    let walk = TreeDiff::open(&files, destination, source).await?;
                    page_of(&files, &mut Walk::TwoDot(Box::new(walk)), &request, &*shows).await
                })
                .await;
        }
        let best = merge_bases(&files, &[from.commit], to.commit).await?;
        if best.is_empty() {
            return Err(Error::NothingInCommon { left: left.to_string(), right: right.to_string() });
        }
        let sides = ThreeWay { base: Base::of(&files, best).await?, source, destination };
        let bounds = self.inner.options.clone();
        self.heavy(Work::Scan, async move || {
            let (files, trees) = Box::pin(sides.open(files, &bounds)).await?;
            let walk = Box::new(Incoming::open(&files, trees).await?);
            page_of(&files, &mut Walk::ThreeDot(walk), &request, &*shows).await
        })
        .await
    }

    /// Whether a reader sees the same in two refs' commits. Where their trees have deltas over one anchor, their digests
    /// tell, and nothing else is read; else it ends at the first difference.
    #[boxed]
    pub async fn same_content(
        &self,
        repository: &RepositoryName,
        left: &RefExpr,
        right: &RefExpr,
    ) -> Result<bool, Error> {
        let (left, right) = (self.resolve(repository, left).await?, self.resolve(repository, right).await?);
        let files = self.files(&left.repository)?;
        let trees =
            (read_commit(&files, left.commit).await?.metarange, read_commit(&files, right.commit).await?.metarange);
        self.heavy(Work::Scan, async move || same_content(&files, trees.0, trees.1).await).await
    }

    /// Compares a branch's view (right) with its head (left).
    #[boxed]
    pub async fn diff_uncommitted(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        request: &DiffRequest,
    ) -> Result<DiffPage, Error> {
        self.diff_uncommitted_shown(repository, branch, request, Box::new(|_| true)).await
    }

    /// As [`Self::diff_uncommitted`], of what `shows` lets through, as in [`Self::list_shown`].
    #[boxed]
    pub async fn diff_uncommitted_shown(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        request: &DiffRequest,
        shows: Box<Shows>,
    ) -> Result<DiffPage, Error> {
        let found = self.meta().lookup(repository, &branch.into(), None).await?;
        let branch = found.target.into_branch(branch)?;
        let grouping = Grouping::new(&request.prefix, request.delimiter.as_deref());
        let Some(from) = grouping.start_behind(&request.after) else { return Ok(DiffPage::empty()) };
        let files = self.files(&found.repository)?;
        let mut walk = Uncommitted {
            staged: StagedCursor::new(self, &found.repository, &branch.name, None, &request.prefix, &from),
            committed: RecordCursor::open(&files, None).await?,
            commit: None,
            graveler: self.clone(),
            repository: found.repository,
            files,
        };
        let request = request.clone();
        self.heavy(Work::Scan, async move || {
            let mut page = PageBuilder::new(&request, &*shows);
            while let Some(difference) = walk.next().await? {
                match page.add(&walk.files, &Item { difference, is_conflict: false })? {
                    Added::Done => break,
                    Added::Item => {}
                    Added::Prefix(behind) => walk.staged.seek(&behind),
                }
            }
            Ok(page.page)
        })
        .await
    }
}

/// The walk over what differs between two commits.
enum Walk {
    TwoDot(Box<TreeDiff>),
    ThreeDot(Box<Incoming>),
}

/// A difference to be shown.
struct Item {
    difference: Difference,
    is_conflict: bool,
}

impl Walk {
    async fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        match self {
            Self::TwoDot(walk) => walk.seek(key).await,
            Self::ThreeDot(walk) => walk.seek(key).await,
        }
    }

    async fn bound(&mut self) -> Result<Option<&[u8]>, Error> {
        match self {
            Self::TwoDot(walk) => walk.bound().await,
            Self::ThreeDot(walk) => walk.bound().await,
        }
    }

    async fn next(&mut self) -> Result<Option<Item>, Error> {
        Ok(match self {
            Self::TwoDot(walk) => walk.next().await?.map(|difference| Item { difference, is_conflict: false }),
            Self::ThreeDot(walk) => walk.next().await?.map(|change| {
                let (left, right) = (change.values.destination, change.values.source);
                Item { difference: Difference { key: change.key, left, right }, is_conflict: change.is_conflict }
            }),
        })
    }
}

async fn page_of(files: &Files, walk: &mut Walk, request: &DiffRequest, shows: &Shows) -> Result<DiffPage, Error> {
    let mut page = PageBuilder::new(request, shows);
    let Some(from) = page.pager.grouping.start_behind(&request.after) else { return Ok(page.page) };
    walk.seek(from.as_bytes()).await?;
    // The bound tells that nothing with the prefix is left without opening a range to see.
    while walk.bound().await?.is_some_and(|key| key.starts_with(request.prefix.as_bytes())) {
        let Some(item) = walk.next().await? else { break };
        if !item.difference.key.starts_with(request.prefix.as_bytes()) {
            break;
        }
        match page.add(files, &item)? {
            Added::Done => break,
            Added::Item => {}
            Added::Prefix(behind) => walk.seek(behind.as_bytes()).await?,
        }
    }
    Ok(page.page)
}

impl DiffPage {
    fn empty() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// Gathers a page of differences.
struct PageBuilder<'a> {
    pager: Pager<'a>,
    page: DiffPage,
}

/// What became of a difference.
enum Added {
    /// The page is full, and this one comes after it; or nothing can come after this one.
    Done,
    /// It is an item, or isn't shown.
    Item,
    /// It stands for all with its prefix: go on here.
    Prefix(String),
}

impl<'a> PageBuilder<'a> {
    fn new(request: &'a DiffRequest, shows: &'a Shows) -> Self {
        let pager = Pager::new((&request.prefix, request.delimiter.as_deref()), request.amount, shows);
        Self { pager, page: DiffPage::empty() }
    }

    fn add(&mut self, files: &Files, item: &Item) -> Result<Added, Error> {
        let difference = &item.difference;
        let path = String::from_utf8_lossy(&difference.key).into_owned();
        match self.pager.place(&path) {
            OnPage::Item => {}
            OnPage::Group(common) => {
                let behind = behind_prefix(&common);
                let kind = ChangeKind::PrefixChanged;
                self.page.items.push(DiffItem { path: common, kind, left: None, right: None });
                return Ok(behind.map_or(Added::Done, Added::Prefix));
            }
            OnPage::HiddenGroup(common) => return Ok(behind_prefix(&common).map_or(Added::Done, Added::Prefix)),
            OnPage::Hidden => return Ok(Added::Item),
            OnPage::Next => {
                self.page.next = self.page.items.last().map(|item| item.path.clone());
                return Ok(Added::Done);
            }
            OnPage::After(path) => {
                self.page.next = Some(path);
                return Ok(Added::Done);
            }
        }
        let decode = |value: Option<&Bytes>| value.map(|value| files.decode_value(value)).transpose();
        let (left, right) = (decode(difference.left.as_ref())?, decode(difference.right.as_ref())?);
        let kind = match (&left, &right) {
            _ if item.is_conflict => ChangeKind::Conflict,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        self.page.items.push(DiffItem { path, kind, left, right });
        Ok(Added::Item)
    }
}

/// A walk over a branch's staged values that change what is committed.
struct Uncommitted {
    graveler: Graveler,
    repository: Repository,
    files: Files,
    staged: StagedCursor,
    committed: RecordCursor,
    commit: Option<CommitId>,
}

impl Uncommitted {
    async fn next(&mut self) -> Result<Option<Difference>, Error> {
        loop {
            // A page of staged values is compared with the head that the branch had then.
            if let Some(branch) = self.staged.load().await?
                && self.commit.replace(branch.commit) != Some(branch.commit)
            {
                let tree = self.graveler.commit_object(&self.repository, &branch.commit).await?.metarange;
                self.committed = RecordCursor::open(&self.files, tree).await?;
            }
            let Some((path, value)) = self.staged.take() else { return Ok(None) };
            let key = Bytes::from(String::from(path));
            let left = self.committed_value(&key).await?;
            let right = match value {
                StagedValue::Entry(entry) => Some(record::encode_entry(entry)),
                StagedValue::Tombstone => None,
            };
            if record::identity_of(left.as_ref()) != record::identity_of(right.as_ref()) {
                return Ok(Some(Difference { key, left, right }));
            }
        }
    }

    async fn committed_value(&mut self, key: &Bytes) -> Result<Option<Bytes>, Error> {
        self.committed.seek(key).await?;
        while self.committed.record().is_none() && self.committed.bound().is_some_and(|bound| bound <= key) {
            self.committed.load().await?;
        }
        let record = self.committed.record().filter(|(there, _)| there == key);
        Ok(record.map(|(_, value)| Bytes::copy_from_slice(value)))
    }
}
