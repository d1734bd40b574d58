//! Deletes a branch. What is staged on it is kept apart for a while, so that the branch can be undeleted. Its uploads
//! stay until they are aborted, since bytes in the object store hang on them.

use model::{DeleteBranch, Outcome, Refusal};

use super::reflog::{self, Move};
use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for DeleteBranch {
    fn check_bounds(&self) -> Result<(), String> {
        bounds::note(&self.note)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, branch: name, note } = self;
        let repository = records::repository(tx, repository)?;
        let branch = records::branch(tx, &repository, name)?;
        if *name == repository.default_branch {
            return Err(Refusal::DefaultBranch(name.clone()).into());
        }
        super::open_to_writes(tx, &repository, name)?;
        tx.delete(Table::Refs, key::branch(repository.uid, name));
        tx.delete(Table::Refs, key::held_tokens(repository.uid, name));
        let deleted = Some(reflog::leave_behind(tx, context, repository.uid, &branch, note)?);
        let moved = Move { old: Some(branch.commit), new: None, deleted };
        reflog::record(tx, context, repository.uid, name, moved, note)?;
        Ok(Outcome::Done)
    }
}
