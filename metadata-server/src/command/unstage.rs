//! Drops staged changes of a branch: all of them, those under a prefix, or one.
//!
//! All: the branch gets a new token and the old ones are dropped, however much they hold; a commit under way is
//! refused when it is published. Some: they are deleted from all tokens, sealed ones too. A commit under way that has
//! read them already still holds them: the branch remembers when that was, so that it can tell that its pages are of two
//! points in time, and is refused when it is published.

use model::{Branch, Outcome, RepositoryUid, StagingToken, Unstage, UnstageScope, Version};

use super::{Apply, ApplyContext};
use crate::state::key;
use crate::state::keyspace::{KeyRange, Table, Transaction};
use crate::state::{Halt, StateError, records};

impl Apply for Unstage {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, branch, scope } = self;
        let repository = records::repository(tx, repository)?;
        let mut branch = records::branch(tx, &repository, branch)?;
        super::open_to_writes(tx, &repository, &branch.name)?;
        let repository = repository.uid;
        let changed = match scope {
            UnstageScope::All => drop_all(tx, context, repository, &mut branch)?,
            UnstageScope::Prefix(prefix) if prefix.is_empty() => drop_all(tx, context, repository, &mut branch)?,
            UnstageScope::Prefix(prefix) => {
                drop_some(tx, &branch, |token| key::staged_from(repository, token, prefix, ""))?
            }
            UnstageScope::Path(path) => drop_some(tx, &branch, |token| key::staged_only(repository, token, path))?,
        };
        if changed {
            branch.version = Version(context.index);
            branch.reset = branch.version;
            records::put_branch(tx, repository, &branch);
        }
        Ok(Outcome::Branch(branch))
    }
}

/// → whether the branch's record changed
fn drop_all(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: RepositoryUid,
    branch: &mut Branch,
) -> Result<bool, StateError> {
    if branch.sealed.is_empty() && records::is_empty(tx, repository, branch.staging)? {
        return Ok(false);
    }
    for token in branch.tokens() {
        records::drop_token(tx, repository, token);
    }
    branch.staging = StagingToken(context.index);
    branch.sealed.clear();
    Ok(true)
}

/// → whether a sealed token changed
fn drop_some(
    tx: &mut Transaction<'_>,
    branch: &Branch,
    range: impl Fn(StagingToken) -> KeyRange,
) -> Result<bool, StateError> {
    records::erase(tx, Table::Staged, range(branch.staging))?;
    let mut changed = false;
    for token in &branch.sealed {
        changed |= records::erase(tx, Table::Staged, range(*token))?;
    }
    Ok(changed)
}
