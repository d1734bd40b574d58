//! Makes a branch at a commit: one record, whatever the repository's size.

use model::{BranchName, CommitId, Outcome, RepositoryName};

use super::At;
use super::create_repository::new_branch;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    at: At,
    repository: &RepositoryName,
    name: &BranchName,
    commit: CommitId,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    records::ref_is_free(tx, repository.uid, name.as_str())?;
    let branch = new_branch(at, name, commit);
    records::put_branch(tx, repository.uid, &branch);
    Ok(Outcome::Branch(branch))
}
