//! Finds the commit that a ref expression names. Owns the order in which a name is tried: a whole commit id, a branch, a
//! tag, a commit id's prefix. Leaves `branch@{n}` to `reflog`. Invariant: an expression names at most one commit, or the answer is an error.

use std::sync::Arc;

use model::{Commit, CommitId, RefTarget, Repository, RepositoryName};

use crate::boxed;
use crate::history::{Suffix, ancestor, at_time, read_commit};
use crate::tree::Files;
use crate::{Error, Graveler, RefExpr, Resolved};

/// The shortest prefix of a commit id that is looked for.
const PREFIX_DIGITS_MIN: usize = 4;
/// How many commits an ambiguous prefix is said to fit.
const CANDIDATES_MAX: usize = 10;

impl Graveler {
    /// Finds the commit that an expression names.
    ///
    /// A whole commit id is taken for that even if a branch has the same name, so that reading by commit needs no
    /// metadata.
    #[boxed]
    pub async fn resolve(&self, repository: &RepositoryName, expr: &RefExpr) -> Result<Resolved, Error> {
        let base = match expr.suffixes.first() {
            Some(Suffix::Previous(number)) => self.by_reflog(repository, expr, *number).await?,
            _ => match self.by_commit_id(repository, expr).await? {
                Some(found) => found,
                None => self.by_name(repository, expr).await?,
            },
        };
        self.walk_suffixes(base, expr).await
    }

    /// As [`Self::resolve`], in the repository that has the name now, not in one remembered: for who writes the commit
    /// down, as a ref must never lead to a commit of a repository that was deleted a moment ago.
    #[boxed]
    pub async fn resolve_now(&self, repository: &RepositoryName, expr: &RefExpr) -> Result<Resolved, Error> {
        self.forget_repository(repository).await;
        self.resolve(repository, expr).await
    }

    /// Reads a commit object; cached, since it never changes.
    #[boxed]
    pub async fn commit_object(&self, repository: &Repository, id: &CommitId) -> Result<Arc<Commit>, Error> {
        read_commit(&self.files(repository)?, *id).await
    }

    async fn by_commit_id(&self, repository: &RepositoryName, expr: &RefExpr) -> Result<Option<Resolved>, Error> {
        let Ok(commit) = expr.base.as_str().parse::<CommitId>() else { return Ok(None) };
        let remembered = self.remembered_repository(repository).await?;
        let repository = if self.has_commit(&remembered, commit).await? {
            remembered
        } else {
            // The one remembered may have been deleted, and another made with its name.
            self.forget_repository(repository).await;
            let present = self.remembered_repository(repository).await?;
            if present.uid == remembered.uid || !self.has_commit(&present, commit).await? {
                return Ok(None);
            }
            present
        };
        Ok(Some(Resolved { repository, commit, branch: None }))
    }

    async fn has_commit(&self, repository: &Repository, id: CommitId) -> Result<bool, Error> {
        Ok(commit_if_there(&self.files(repository)?, id).await?.is_some())
    }

    async fn by_name(&self, repository: &RepositoryName, expr: &RefExpr) -> Result<Resolved, Error> {
        let found = self.meta().lookup(repository, &expr.base, None).await?;
        let repository = found.repository;
        Ok(match found.target {
            RefTarget::Branch(branch) => Resolved { repository, commit: branch.commit, branch: Some(branch) },
            RefTarget::Tag(tag) => Resolved { repository, commit: tag.commit, branch: None },
            RefTarget::Unknown => {
                let commit = self.by_prefix(&repository, expr).await?;
                Resolved { repository, commit, branch: None }
            }
        })
    }

    async fn by_prefix(&self, repository: &Repository, expr: &RefExpr) -> Result<CommitId, Error> {
        let prefix = expr.base.as_str();
        let is_prefix = (PREFIX_DIGITS_MIN..64).contains(&prefix.len())
            && prefix.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_prefix {
            return Err(Error::RefNotFound(prefix.into()));
        }
        let files = self.files(repository)?;
        let candidates = files.storage().commits_with_prefix(prefix, CANDIDATES_MAX).await?;
        match candidates.as_slice() {
            [] => Err(Error::RefNotFound(prefix.into())),
            [one] => Ok(*one),
            _ => Err(Error::AmbiguousRef { text: prefix.into(), candidates }),
        }
    }

    async fn walk_suffixes(&self, base: Resolved, expr: &RefExpr) -> Result<Resolved, Error> {
        match expr.suffixes.as_slice() {
            [] => return Ok(base),
            [Suffix::Staged] if base.branch.is_some() => return Ok(base),
            [Suffix::Staged] => return Err(Error::NotABranch(expr.base.to_string())),
            _ => {}
        }
        let files = self.files(&base.repository)?;
        let mut commit = base.commit;
        for suffix in &expr.suffixes {
            let next = walk_one(&files, commit, *suffix).await?;
            commit = next.map_err(|why| Error::NoSuchAncestor { expr: expr.to_string(), why })?;
        }
        Ok(Resolved { repository: base.repository, commit, branch: None })
    }
}

/// Takes one step, or says why there is none.
async fn walk_one(files: &Files, from: CommitId, suffix: Suffix) -> Result<Result<CommitId, String>, Error> {
    let too_short = || format!("the history of {from} isn't that long");
    Ok(match suffix {
        Suffix::Ancestor(steps) => ancestor(files, from, steps).await?.ok_or_else(too_short),
        // The walk begins where the reflog leads.
        Suffix::Parent(0) | Suffix::Head | Suffix::Staged | Suffix::Previous(_) => Ok(from),
        Suffix::Parent(number) => {
            let parents = &read_commit(files, from).await?.parents;
            let at = usize::try_from(number - 1).ok();
            let parent = at.and_then(|at| parents.get(at)).copied();
            parent.ok_or_else(|| format!("{from} has {} parents", parents.len()))
        }
        Suffix::At(time) => at_time(files, from, time).await?.ok_or_else(|| format!("nothing was committed by {time}")),
    })
}

/// Reads a commit that a user named: it needn't be there.
pub(super) async fn commit_if_there(files: &Files, id: CommitId) -> Result<Option<Arc<Commit>>, Error> {
    if let Some(commit) = files.caches.commits.get(&files.commit_key(id)) {
        return Ok(Some(commit));
    }
    if files.storage().commits_with_prefix(&id.to_string(), 1).await?.is_empty() {
        return Ok(None);
    }
    read_commit(files, id).await.map(Some)
}
