//! A repository's refs as S3 lists them: common prefixes `name/` in the order of their bytes. Owns the order and the
//! paging; leaves what lies beneath a ref to listings. Invariant: a name is listed once, whatever the page size.
//!
//! The metadata service orders names, S3 orders `name/`: `a-b/` is before `a/` since `-` is before `/`. So a name waits
//! until no longer name that begins with it, and goes on with a byte before `/`, can come.

use std::collections::VecDeque;

use model::{MetaError, MetaStore, PAGE_MAX, Query, RefName, RefTarget, RepositoryName};

/// One page of refs' names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefNames {
    /// In the order of `name/`.
    pub(crate) names: Vec<String>,
    /// Whether more come.
    pub(crate) more: bool,
}

/// Lists the branches and tags whose names begin with `prefix` and whose `name/` is behind `after`.
pub(crate) async fn ref_names(
    meta: &dyn MetaStore,
    repository: &RepositoryName,
    prefix: &str,
    after: &str,
    amount: usize,
) -> Result<RefNames, MetaError> {
    let mut waiting = waiting_at(meta, repository, prefix, after).await?;
    let mut branches = Names::new(Kind::Branches, after);
    let mut tags = Names::new(Kind::Tags, after);
    let mut names = Vec::new();
    while names.len() <= amount {
        branches.fill(meta, repository, prefix, amount).await?;
        tags.fill(meta, repository, prefix, amount).await?;
        match Names::smaller(&mut branches, &mut tags) {
            Some(name) => put(&mut waiting, name, &mut names),
            None if waiting.is_empty() => break,
            None => names.extend(waiting.pop()),
        }
    }
    let more = names.len() > amount;
    names.truncate(amount);
    Ok(RefNames { names, more })
}

/// Puts the next name in the metadata service's order among those that wait, and lets out those that wait no longer.
fn put(waiting: &mut Vec<String>, name: String, out: &mut Vec<String>) {
    while waiting.last().is_some_and(|top| !is_before(&name, top)) {
        out.extend(waiting.pop());
    }
    waiting.push(name);
}

/// Whether `name/` is before `earlier/`, of which `earlier` is the smaller name: only if it goes on with a byte before
/// the slash.
fn is_before(name: &str, earlier: &str) -> bool {
    name.strip_prefix(earlier).is_some_and(|rest| rest.as_bytes().first().is_some_and(|b| *b < b'/'))
}

/// The names that are waiting when a listing goes on behind `after`: those that `after` begins with.
async fn waiting_at(
    meta: &dyn MetaStore,
    repository: &RepositoryName,
    prefix: &str,
    after: &str,
) -> Result<Vec<String>, MetaError> {
    let name = after.split('/').next().unwrap_or_default();
    let mut waiting = Vec::new();
    for end in (1..=name.len()).filter(|end| name.is_char_boundary(*end)) {
        let begin = &name[..end];
        let goes_on_before_slash = after.as_bytes().get(end).is_none_or(|b| *b < b'/');
        if goes_on_before_slash && begin.starts_with(prefix) && exists(meta, repository, begin).await? {
            waiting.push(begin.to_owned());
        }
    }
    Ok(waiting)
}

async fn exists(meta: &dyn MetaStore, repository: &RepositoryName, name: &str) -> Result<bool, MetaError> {
    let Ok(name) = name.parse::<RefName>() else { return Ok(false) };
    let target = meta.lookup(repository, &name, None).await?.target;
    Ok(!matches!(target, RefTarget::Unknown))
}

enum Kind {
    Branches,
    Tags,
}

/// The names of one kind in the metadata service's order, page by page.
struct Names {
    kind: Kind,
    after: String,
    page: VecDeque<String>,
    more: bool,
}

impl Names {
    fn new(kind: Kind, after: &str) -> Self {
        Self { kind, after: after.to_owned(), page: VecDeque::new(), more: true }
    }

    /// Fetches the next page when this one is used up.
    async fn fill(
        &mut self,
        meta: &dyn MetaStore,
        repository: &RepositoryName,
        prefix: &str,
        amount: usize,
    ) -> Result<(), MetaError> {
        if !self.page.is_empty() || !self.more {
            return Ok(());
        }
        let (repository, prefix, after) = (repository.clone(), prefix.to_owned(), self.after.clone());
        let amount = (amount + 1).min(PAGE_MAX);
        let (names, more) = match self.kind {
            Kind::Branches => {
                let page = meta.read(Query::Branches { repository, prefix, after, amount }).await?.branches()?;
                (page.items.into_iter().map(|b| b.name.into()).collect::<VecDeque<String>>(), page.more)
            }
            Kind::Tags => {
                let page = meta.read(Query::Tags { repository, prefix, after, amount }).await?.tags()?;
                (page.items.into_iter().map(|t| t.name.into()).collect(), page.more)
            }
        };
        self.after = names.back().cloned().unwrap_or_default();
        self.more = more && !names.is_empty();
        self.page = names;
        Ok(())
    }

    /// Takes the smaller of two kinds' next names.
    fn smaller(a: &mut Self, b: &mut Self) -> Option<String> {
        match (a.page.front(), b.page.front()) {
            (Some(x), Some(y)) if y < x => b.page.pop_front(),
            (Some(_), _) => a.page.pop_front(),
            (None, _) => b.page.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests;
