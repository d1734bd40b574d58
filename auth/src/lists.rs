//! Lists of which a caller sees a part: repositories, branches, tags. Owns what a list shows to whom, and the bound on
//! looking for it; leaves to its caller to ask whether there may be a list at all.
//! Invariant: a page says where to go on as long as there is more to look at, even if nothing on it may be shown.

use model::{
    Branch, BranchName, ListBranches, ListDeletedBranches, ListRepositories, ListTags, MetaError, MetaStore, PAGE_MAX,
    Page, PageRequest, Question, ReflogEntry, Repository, RepositoryName, Tag, TagName,
};

use crate::authorize::{is_allowed, is_forbidden};
use crate::{Action, Caller, Permissions, Resource, Through};

/// How many items are looked at for one page; more only for a page that is to have more.
const LOOKED_AT_MAX: usize = 10_000;
/// How many items the second read of a page asks for at least; each next one asks for twice as many.
const READ_AGAIN_MIN: usize = 100;

/// A page of what a caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// In the order of names; maybe fewer than were wanted, though more come.
    pub items: Vec<T>,
    /// The `after` of the next page, if there is one.
    pub next: Option<String>,
}

/// Lists the repositories that a caller may read and that fit.
pub async fn seen_repositories(
    meta: &dyn MetaStore,
    caller: &Caller,
    wanted: PageRequest,
    fits: impl Fn(&Repository) -> bool,
) -> Result<Seen<Repository>, MetaError> {
    let list = List {
        question: |page| ListRepositories { page },
        name: |repository: &Repository| repository.name.to_string(),
    };
    let shows = |repository: &Repository| {
        fits(repository) && is_allowed(caller, Action::ReadRepository, &Resource::Repository(repository.name.clone()))
    };
    list.read(meta, wanted, shows).await
}

/// Lists the branches that a caller is shown and that fit.
pub async fn seen_branches(
    meta: &dyn MetaStore,
    caller: &Caller,
    repository: &RepositoryName,
    wanted: PageRequest,
    fits: impl Fn(&Branch) -> bool,
) -> Result<Seen<Branch>, MetaError> {
    let list = List {
        question: |page| ListBranches { repository: repository.clone(), page },
        name: |branch: &Branch| branch.name.to_string(),
    };
    list.read(meta, wanted, |branch| fits(branch) && shows_branch(caller, repository, &branch.name)).await
}

/// Lists the deletions of the branches that can be undeleted and that a caller is shown.
pub async fn seen_deletions(
    meta: &dyn MetaStore,
    caller: &Caller,
    repository: &RepositoryName,
    wanted: PageRequest,
) -> Result<Seen<ReflogEntry>, MetaError> {
    let list = List {
        question: |page| ListDeletedBranches { repository: repository.clone(), page },
        name: |deletion: &ReflogEntry| deletion.branch.to_string(),
    };
    list.read(meta, wanted, |deletion| shows_branch(caller, repository, &deletion.branch)).await
}

/// Lists the tags that a caller is shown.
pub async fn seen_tags(
    meta: &dyn MetaStore,
    caller: &Caller,
    repository: &RepositoryName,
    wanted: PageRequest,
) -> Result<Seen<Tag>, MetaError> {
    let list = List {
        question: |page| ListTags { repository: repository.clone(), page },
        name: |tag: &Tag| tag.name.to_string(),
    };
    list.read(meta, wanted, |tag| shows_tag(caller, repository, &tag.name)).await
}

/// Whether a list of branches shows this one: the caller may list it and isn't forbidden to read it.
pub fn shows_branch(caller: &Caller, repository: &RepositoryName, branch: &BranchName) -> bool {
    is_allowed(caller, Action::ListBranches, &Resource::at_ref(repository, branch))
        && !is_forbidden(caller, Action::ReadBranch, &Resource::branch(repository, branch))
}

/// Whether a list of tags shows this one: the caller may list it and isn't forbidden to read it.
pub fn shows_tag(caller: &Caller, repository: &RepositoryName, tag: &TagName) -> bool {
    is_allowed(caller, Action::ListTags, &Resource::at_ref(repository, tag))
        && !is_forbidden(caller, Action::ReadTag, &Resource::Tag(repository.clone(), tag.clone()))
}

/// What a listing of a ref's objects hides from a caller: paths that they may not be asked for, by a condition on `Prefix`.
pub struct HiddenPaths {
    /// Who asks for what; `None` if the caller has no such condition.
    listing: Option<(Caller, RepositoryName, Through)>,
}

impl HiddenPaths {
    /// Looks for such conditions among a caller's.
    pub fn new(caller: &Caller, repository: &RepositoryName, through: impl Into<Through>) -> Self {
        let is_any = caller.all_permissions().any(Permissions::hides_listed);
        Self { listing: is_any.then(|| (caller.clone(), repository.clone(), through.into())) }
    }

    /// Whether a path, or the common prefix of several, is hidden.
    pub fn has(&self, path: &str) -> bool {
        self.listing.as_ref().is_some_and(|(caller, repository, through)| {
            is_forbidden(caller, Action::ListObjects, &Resource::listing(repository, through.clone(), path))
        })
    }
}

/// How a list is read.
struct List<Q, N> {
    /// Which question asks for a page.
    question: Q,
    name: N,
}

impl<Q, N> List<Q, N> {
    async fn read<L, T>(
        &self,
        meta: &dyn MetaStore,
        wanted: PageRequest,
        shows: impl Fn(&T) -> bool,
    ) -> Result<Seen<T>, MetaError>
    where
        L: Question<Answer = Page<T>>,
        Q: Fn(PageRequest) -> L,
        N: Fn(&T) -> String,
    {
        let PageRequest { prefix, mut after, amount } = wanted;
        let (mut items, mut looked_at) = (Vec::new(), 0);
        let mut ask = amount.min(PAGE_MAX);
        while items.len() < amount && looked_at < LOOKED_AT_MAX.max(amount) {
            let next = PageRequest { prefix: prefix.clone(), after: after.clone(), amount: ask };
            let Page { items: page, more } = meta.ask((self.question)(next)).await?;
            let is_last = !more || page.is_empty();
            let mut page = page.into_iter();
            for item in page.by_ref() {
                looked_at += 1;
                after = (self.name)(&item);
                items.extend(Some(item).filter(&shows));
                if items.len() == amount {
                    break;
                }
            }
            if is_last && page.len() == 0 {
                return Ok(Seen { items, next: None });
            }
            ask = (ask * 2).clamp(READ_AGAIN_MIN, PAGE_MAX);
        }
        Ok(Seen { items, next: Some(after).filter(|_| amount > 0) })
    }
}

#[cfg(test)]
mod tests;
