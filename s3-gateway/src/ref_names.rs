//! A repository's refs as S3 lists them: common prefixes `name/` in the order of their bytes. Owns the order and the
//! paging; leaves what lies under a ref to listings. Invariant: a name is listed once, whatever the page size.
//!
//! The metadata service orders names, S3 orders `name/`: `a-b/` is before `a/` since `-` is before `/`. So a name waits
//! until no longer name that begins with it, and goes on with a byte before `/`, can come.

use std::collections::VecDeque;

use model::{
    BranchName, ListBranches, ListTags, MetaError, MetaStore, PAGE_MAX, PageRequest, RefName, RefTarget,
    RepositoryName, TagName,
};

/// How many refs one page looks at, for a caller who may see few of them.
const LOOKED_AT_MAX: usize = 10_000;

/// A ref that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ref {
    Branch(BranchName),
    Tag(TagName),
}

impl Ref {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Branch(name) => name.as_str(),
            Self::Tag(name) => name.as_str(),
        }
    }
}

/// One page of refs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefNames {
    /// In the order of `name/`; maybe fewer than were wanted, though more come.
    pub(crate) refs: Vec<Ref>,
    /// The name after whose `name/` more come, if they do.
    pub(crate) next: Option<String>,
}

/// Which refs to list.
#[derive(Clone, Copy)]
pub(crate) struct RefsWanted<'a> {
    /// Names begin so.
    pub(crate) prefix: &'a str,
    /// `name/` is after this.
    pub(crate) after: &'a str,
    /// How many at most.
    pub(crate) amount: usize,
    /// Whether a ref is shown.
    pub(crate) shows: &'a (dyn Fn(&Ref) -> bool + Sync),
}

/// Lists branches and tags.
pub(crate) async fn ref_names(
    meta: &dyn MetaStore,
    repository: &RepositoryName,
    wanted: RefsWanted<'_>,
) -> Result<RefNames, MetaError> {
    let RefsWanted { prefix, after, amount, .. } = wanted;
    let mut waiting = waiting_at(meta, repository, prefix, after).await?;
    let mut branches = Names::new(Kind::Branches, after, amount);
    let mut tags = Names::new(Kind::Tags, after, amount);
    let mut found = Found { wanted, refs: Vec::new(), looked_at: 0, last: None };
    while !found.is_enough() {
        branches.fill(meta, repository, prefix).await?;
        tags.fill(meta, repository, prefix).await?;
        match Names::smaller(&mut branches, &mut tags) {
            Some(name) => put(&mut waiting, name, &mut found),
            None => match waiting.pop() {
                Some(name) => found.take(name),
                None => return Ok(RefNames { refs: found.refs, next: None }),
            },
        }
    }
    Ok(found.page())
}

/// Finds the ref of a name.
pub(crate) async fn find_ref(
    meta: &dyn MetaStore,
    repository: &RepositoryName,
    name: &str,
) -> Result<Option<Ref>, MetaError> {
    let Ok(name) = name.parse::<RefName>() else { return Ok(None) };
    Ok(match meta.lookup(repository, &name, None).await?.target {
        RefTarget::Branch(branch) => Some(Ref::Branch(branch.name)),
        RefTarget::Tag(tag) => Some(Ref::Tag(tag.name)),
        RefTarget::Unknown => None,
    })
}

/// What comes out, in the order of `name/`.
struct Found<'a> {
    wanted: RefsWanted<'a>,
    /// Those that are shown.
    refs: Vec<Ref>,
    looked_at: usize,
    /// The last that came out, shown or not.
    last: Option<String>,
}

impl Found<'_> {
    /// Whether there is one more than is wanted, which shows that more come, or enough was looked at.
    fn is_enough(&self) -> bool {
        self.refs.len() > self.wanted.amount || self.looked_at >= LOOKED_AT_MAX.max(self.wanted.amount)
    }

    fn take(&mut self, found: Ref) {
        self.looked_at += 1;
        self.last = Some(found.name().to_owned());
        self.refs.extend(Some(found).filter(self.wanted.shows));
    }

    fn page(mut self) -> RefNames {
        let next = match self.refs.len() > self.wanted.amount {
            true => {
                self.refs.truncate(self.wanted.amount);
                self.refs.last().map(|last| last.name().to_owned())
            }
            false => self.last,
        };
        RefNames { refs: self.refs, next }
    }
}

/// Puts the next name in the metadata service's order among those that wait, and lets out those that wait no longer.
fn put(waiting: &mut Vec<Ref>, next: Ref, found: &mut Found<'_>) {
    while let Some(top) = waiting.pop_if(|top| !is_before(next.name(), top.name())) {
        found.take(top);
    }
    waiting.push(next);
}

/// Whether `name/` is before `earlier/`, of which `earlier` is the smaller name: only if it goes on with a byte before
/// the slash.
fn is_before(name: &str, earlier: &str) -> bool {
    name.strip_prefix(earlier).is_some_and(|rest| rest.as_bytes().first().is_some_and(|b| *b < b'/'))
}

/// The names that are waiting when a listing goes on after `after`: those that `after` begins with.
async fn waiting_at(
    meta: &dyn MetaStore,
    repository: &RepositoryName,
    prefix: &str,
    after: &str,
) -> Result<Vec<Ref>, MetaError> {
    let name = after.split('/').next().unwrap_or_default();
    let mut waiting = Vec::new();
    for end in (1..=name.len()).filter(|end| name.is_char_boundary(*end)) {
        let begin = &name[..end];
        let goes_on_before_slash = after.as_bytes().get(end).is_none_or(|b| *b < b'/');
        if goes_on_before_slash && begin.starts_with(prefix) {
            waiting.extend(find_ref(meta, repository, begin).await?);
        }
    }
    Ok(waiting)
}

enum Kind {
    Branches,
    Tags,
}

/// The names of one kind in the metadata service's order, page by page.
struct Names {
    kind: Kind,
    after: String,
    /// How many the next page has.
    ask: usize,
    page: VecDeque<Ref>,
    more: bool,
}

impl Names {
    fn new(kind: Kind, after: &str, amount: usize) -> Self {
        Self { kind, after: after.to_owned(), ask: amount + 1, page: VecDeque::new(), more: true }
    }

    /// Fetches the next page when this one is used up, of twice as many.
    async fn fill(&mut self, meta: &dyn MetaStore, repository: &RepositoryName, prefix: &str) -> Result<(), MetaError> {
        if !self.page.is_empty() || !self.more {
            return Ok(());
        }
        let (repository, amount) = (repository.clone(), self.ask.min(PAGE_MAX));
        let page = PageRequest { prefix: prefix.to_owned(), after: self.after.clone(), amount };
        let (names, more) = match self.kind {
            Kind::Branches => {
                let page = meta.ask(ListBranches { repository, page }).await?;
                (page.items.into_iter().map(|b| Ref::Branch(b.name)).collect::<VecDeque<_>>(), page.more)
            }
            Kind::Tags => {
                let page = meta.ask(ListTags { repository, page }).await?;
                (page.items.into_iter().map(|t| Ref::Tag(t.name)).collect(), page.more)
            }
        };
        self.ask = amount * 2;
        self.after = names.back().map(|last| last.name().to_owned()).unwrap_or_default();
        self.more = more && !names.is_empty();
        self.page = names;
        Ok(())
    }

    /// Takes the smaller of two kinds' next names.
    fn smaller(a: &mut Self, b: &mut Self) -> Option<Ref> {
        match (a.page.front(), b.page.front()) {
            (Some(x), Some(y)) if y.name() < x.name() => b.page.pop_front(),
            (Some(_), _) => a.page.pop_front(),
            (None, _) => b.page.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests;
