//! Staged values in the order of paths, a page at a time. Owns paging and skipping over [`ListStaged`].
//! Invariant: no more than one page is held.

use std::collections::VecDeque;

use model::{
    Branch, BranchName, ListStaged, ObjectPath, PAGE_MAX, Refusal, Repository, StagedValue, StagingToken, Version,
};

use crate::tree::apply::{Changes, TreeChange};
use crate::tree::record;
use crate::{Error, Graveler, Progress};

/// How many values the first page has at least; each next page has twice as many, up to [`PAGE_MAX`].
const FIRST_PAGE: usize = 64;

/// Sealed tokens to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// Of which branch.
    pub branch: BranchName,
    /// Which, newest first.
    pub tokens: Vec<StagingToken>,
    /// The branch's last reset, as it was known before they are read: a later one refuses the commit.
    pub read_at: Option<Version>,
}

/// A cursor over what is staged on a branch.
pub(crate) struct StagedCursor {
    graveler: Graveler,
    repository: Repository,
    branch: BranchName,
    tokens: Option<Vec<StagingToken>>,
    prefix: String,
    page: VecDeque<(ObjectPath, StagedValue)>,
    page_size: usize,
    /// Where the next page begins; `None` after the last.
    next_from: Option<String>,
}

impl StagedCursor {
    /// A cursor over a branch's values whose paths begin with `prefix` and are `from` or larger.
    pub(crate) fn new(
        graveler: &Graveler,
        repository: &Repository,
        branch: &BranchName,
        tokens: Option<Vec<StagingToken>>,
        prefix: &str,
        from: &str,
    ) -> Self {
        Self {
            graveler: graveler.clone(),
            repository: repository.clone(),
            branch: branch.clone(),
            tokens,
            prefix: prefix.to_owned(),
            page: VecDeque::new(),
            page_size: FIRST_PAGE,
            next_from: Some(from.to_owned()),
        }
    }

    /// Expects to be asked for about so many values, so that the first page holds them.
    pub(crate) fn expecting(self, values: usize) -> Self {
        Self { page_size: values.clamp(FIRST_PAGE, PAGE_MAX), ..self }
    }

    /// Whether [`Self::load`] would ask for a page.
    pub(crate) fn needs_page(&self) -> bool {
        self.page.is_empty() && self.next_from.is_some()
    }

    /// Asks for the next page when nothing is at hand; returns the branch at the time of the page, if it asked.
    pub(crate) async fn load(&mut self) -> Result<Option<Branch>, Error> {
        if !self.page.is_empty() {
            return Ok(None);
        }
        let Some(from) = self.next_from.take() else { return Ok(None) };
        let query = ListStaged {
            repository: self.repository.name.clone(),
            branch: self.branch.clone(),
            tokens: self.tokens.clone(),
            prefix: self.prefix.clone(),
            from,
            amount: self.page_size,
        };
        self.page_size = (self.page_size * 2).min(PAGE_MAX);
        let answer = self.graveler.meta().ask(query).await?;
        self.page = answer.page.items.into();
        if answer.page.more
            && let Some((last, _)) = self.page.back()
        {
            self.next_from = Some(format!("{last}\0"));
        }
        Ok(Some(answer.branch))
    }

    /// The value here; only known once loaded.
    pub(crate) fn peek(&self) -> Option<&(ObjectPath, StagedValue)> {
        self.page.front()
    }

    /// Takes the value here.
    pub(crate) fn take(&mut self) -> Option<(ObjectPath, StagedValue)> {
        self.page.pop_front()
    }

    /// Goes forward to the first path at or after `from`.
    pub(crate) fn seek(&mut self, from: &str) {
        while self.page.front().is_some_and(|(path, _)| path.as_str() < from) {
            self.page.pop_front();
        }
        if self.page.is_empty()
            && let Some(next) = &mut self.next_from
            && next.as_str() < from
        {
            from.clone_into(next);
        }
    }
}

/// The values of sealed tokens, as changes to a tree: all as of one point in time, or an error.
pub(crate) struct SealedChanges {
    cursor: StagedCursor,
    sealed: SealedTokens,
    progress: Progress,
}

impl SealedChanges {
    /// The changes of some tokens, newest first, of a branch.
    pub(crate) fn new(graveler: &Graveler, repository: &Repository, sealed: &SealedTokens, progress: Progress) -> Self {
        let cursor = StagedCursor::new(graveler, repository, &sealed.branch, Some(sealed.tokens.clone()), "", "");
        Self { cursor: cursor.expecting(PAGE_MAX), sealed: sealed.clone(), progress }
    }

    /// Tokens that another publication consumed read as empty: that must not look as if they held nothing. A reset may
    /// have taken something from tokens of which pages were read already: half of it would be committed.
    fn check(&mut self, branch: &Branch) -> Result<(), Error> {
        let read_at = *self.sealed.read_at.get_or_insert(branch.reset);
        if read_at == branch.reset && self.sealed.tokens.iter().all(|token| branch.sealed.contains(token)) {
            return Ok(());
        }
        Err(Refusal::HeadMoved { branch: branch.name.clone(), head: branch.commit }.into())
    }
}

impl Changes for SealedChanges {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        if self.cursor.needs_page()
            && !self.sealed.tokens.is_empty()
            && let Some(branch) = self.cursor.load().await?
        {
            self.check(&branch)?;
        }
        let Some((path, value)) = self.cursor.take() else { return Ok(None) };
        self.progress.add_objects(1);
        Ok(Some(TreeChange {
            key: String::from(path).into(),
            value: match value {
                StagedValue::Entry(entry) => Some(record::encode_entry(entry)),
                StagedValue::Tombstone => None,
            },
        }))
    }
}
