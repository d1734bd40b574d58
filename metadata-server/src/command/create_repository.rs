//! Makes a repository whose default branch points at a first commit, or one without a branch.
//!
//! Its namespace must be its own: neither another's, nor inside another's, nor around it, or one repository's
//! collection of garbage would take another's objects.

use model::{
    Branch, BranchName, BranchUid, CommitId, CreateRepository, Outcome, Refusal, Repository, RepositoryUid, RequestId,
    StagingToken, StorageNamespace, Version,
};

use super::dedup::kind;
use super::reflog::{self, Move};
use super::{Apply, ApplyContext, bounds, claim_namespace};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, key, records};

impl Apply for CreateRepository {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_REPOSITORY, self.request))
    }

    fn check_bounds(&self) -> Result<(), String> {
        bounds::note(&self.note)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name, namespace, claim, default_branch, commit, note, .. } = self;
        let (claim, commit) = (*claim, *commit);
        if tx.get(Table::Repos, &key::repository(name))?.is_some() {
            return Err(Refusal::RepositoryExists(name.clone()).into());
        }
        if is_taken(tx, namespace)? {
            return Err(Refusal::NamespaceTaken(namespace.clone()).into());
        }
        if let Some(claim) = claim {
            claim_namespace::fulfil(tx, namespace, claim)?;
        }
        let repository = Repository {
            uid: RepositoryUid(context.index),
            name: name.clone(),
            namespace: namespace.clone(),
            default_branch: default_branch.clone(),
            created_at: context.time,
            read_only: false,
            protected: Vec::new(),
        };
        records::put(tx, Table::Repos, key::repository(name), &repository);
        tx.put(Table::Repos, key::namespace(namespace), name.as_str().into());
        if let Some(commit) = commit {
            records::put_branch(tx, repository.uid, &new_branch(context, default_branch, commit));
            reflog::record(tx, context, repository.uid, default_branch, Move::made(commit), note)?;
        }
        Ok(Outcome::Repository(repository))
    }
}

/// A branch as it begins.
pub(super) fn new_branch(context: ApplyContext, name: &BranchName, commit: CommitId) -> Branch {
    Branch {
        name: name.clone(),
        commit,
        version: Version(context.index),
        staging: StagingToken(context.index),
        sealed: vec![],
        created_at: context.time,
        reset: Version(context.index),
        hidden: false,
        uid: BranchUid(context.index),
    }
}

/// Whether a repository lives in a namespace, inside of it or around it.
pub(super) fn is_taken(tx: &Transaction<'_>, namespace: &StorageNamespace) -> Result<bool, StateError> {
    if let Some(inside) = tx.scan(Table::Repos, key::namespaces_inside(namespace)).next() {
        return inside.map(|_| true);
    }
    for folder in folders_around(namespace.as_str()) {
        if tx.get(Table::Repos, &key::namespace_folder(folder))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `s3://b/x/y` lies in `s3://b/` and `s3://b/x/`.
fn folders_around(namespace: &str) -> impl Iterator<Item = &str> {
    let authority = namespace.find("://").map_or(0, |at| at + 3);
    namespace.match_indices('/').filter(move |(at, _)| *at >= authority).map(|(at, _)| &namespace[..=at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_around_a_namespace_begin_behind_its_scheme() {
        let around = |text| folders_around(text).collect::<Vec<_>>();
        assert_eq!(around("s3://b/x/y"), ["s3://b/", "s3://b/x/"]);
        assert_eq!(around("mem://trips"), [""; 0]);
    }
}
