//! Gives a branch a new staging token, so that what is staged so far stays as it is while it is committed and writers go
//! on. Costs the same however much is staged. A branch whose present token is empty keeps it.

use model::{Outcome, Refusal, SEALED_TOKENS_MAX, Seal, StagingToken, Version};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

impl Apply for Seal {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, branch } = self;
        let repository = records::repository(tx, repository)?;
        let mut branch = records::branch(tx, &repository, branch)?;
        super::open_to_writes(tx, &repository, &branch.name)?;
        if records::is_empty(tx, repository.uid, branch.staging)? {
            return Ok(Outcome::Branch(branch));
        }
        if branch.sealed.len() >= SEALED_TOKENS_MAX {
            return Err(Refusal::TooManySealed(branch.name).into());
        }
        branch.sealed.insert(0, branch.staging);
        branch.staging = StagingToken(context.index);
        branch.version = Version(context.index);
        records::put_branch(tx, repository.uid, &branch);
        Ok(Outcome::Branch(branch))
    }
}
