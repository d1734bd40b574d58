//! Makes a branch at a commit: two records, whatever the repository's size. What was uncommitted on a branch that had the
//! name before can't come back from then on.

use model::{Branch, BranchName, CommitId, Note, Outcome, RepositoryName};

use super::ApplyContext;
use super::create_repository::new_branch;
use super::reflog::{self, Move};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &RepositoryName,
    name: &BranchName,
    (commit, hidden): (CommitId, bool),
    note: &Note,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    super::writable(tx, &repository)?;
    records::ref_is_free(tx, repository.uid, name.as_str())?;
    let branch = Branch { hidden, ..new_branch(context, name, commit) };
    if let Some(deletion) = reflog::deletion(tx, repository.uid, name)? {
        let tokens = reflog::take_deleted(tx, repository.uid, deletion);
        tokens.into_iter().for_each(|token| records::drop_token(tx, repository.uid, token));
    }
    records::put_branch(tx, repository.uid, &branch);
    reflog::record(tx, context, repository.uid, name, Move::made(commit), note)?;
    Ok(Outcome::Branch(branch))
}
