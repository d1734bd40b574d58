//! Deletes a branch and all that is staged on it. Its uploads stay until they are aborted, since bytes in the object
//! store hang on them.

use model::{BranchName, Outcome, Refusal, RepositoryName};

use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, repository: &RepositoryName, name: &BranchName) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    let branch = records::branch(tx, &repository, name)?;
    if *name == repository.default_branch {
        return Err(Refusal::DefaultBranch(name.clone()).into());
    }
    tx.delete(Table::Refs, key::branch(repository.uid, name));
    for token in branch.tokens() {
        records::drop_token(tx, repository.uid, token);
    }
    Ok(Outcome::Done)
}
