//! Makes a branch at a commit: two records, whatever the repository's size. What was uncommitted on a branch that had the
//! name before can't come back from then on.

use model::{Branch, CreateBranch, Outcome, RequestId};

use super::create_repository::new_branch;
use super::dedup::kind;
use super::reflog::{self, Move};
use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, records};

impl Apply for CreateBranch {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_BRANCH, self.request))
    }

    fn check_bounds(&self) -> Result<(), String> {
        bounds::note(&self.note)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, branch: name, commit, hidden, note, .. } = self;
        let (commit, hidden) = (*commit, *hidden);
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
}
