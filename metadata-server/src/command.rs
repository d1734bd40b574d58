//! The replicated commands: each file says what one of them does to the state. Owns the dispatch, the answers kept for
//! retries (`dedup`) and that bounds are kept. Leaves keys, encodings and atomicity to `state`. Invariant: what a
//! command does depends on the state, the log index and the stamped time alone, and a refused one does nothing.

mod abort_upload;
mod add_member;
mod attach_policy;
mod begin_job;
mod bounds;
mod cancel_job;
mod change_settings;
mod claim_job;
mod claim_namespace;
mod complete_upload;
mod create_branch;
mod create_credential;
mod create_group;
mod create_policy;
mod create_repository;
mod create_tag;
mod create_upload;
mod create_user;
mod dedup;
mod delete_branch;
mod delete_credential;
mod delete_group;
mod delete_policy;
mod delete_repository;
mod delete_tag;
mod delete_user;
mod detach_policy;
mod end_request;
mod end_session;
mod end_sessions;
mod identify;
mod once;
mod publish;
mod put_part;
mod reflog;
mod remove_member;
mod report_job;
mod seal;
mod set_up_access;
mod stage;
mod undelete_branch;
mod unstage;
mod update_policy;

use model::{BranchName, Command, MetaError, Outcome, Refusal, Repository, RequestId, Timestamp};

use crate::state::keyspace::Transaction;
use crate::state::{Halt, StateError};

/// Where in the log and when a command is. Ids are the index: one command makes at most one id of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApplyContext {
    /// The entry's index.
    pub(crate) index: u64,
    /// The leader's clock when it took the command.
    pub(crate) time: Timestamp,
}

/// What a command does to the state. Its file has the command's name.
pub(crate) trait Apply {
    /// Its kind and request id, if a retry must get the first answer again: carried out twice, it would do harm or tell something
    /// else.
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        None
    }

    /// Checks that it is no larger than any of ours.
    ///
    /// # Errors
    /// Says what is too large, and how large it may be.
    fn check_bounds(&self) -> Result<(), String> {
        Ok(())
    }

    /// Carries it out. What is refused must not have written anything.
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt>;
}

/// Refuses a command that is larger than any of ours, before it gets into the log. The state machine would carry it
/// out; this bounds how long it holds up the others.
///
/// # Errors
/// [`MetaError::Internal`], since callers keep the bounds.
pub fn check_bounds(command: &Command) -> Result<(), MetaError> {
    macro_rules! dispatch {
        ($($name:ident,)*) => {
            match command {
                $(Command::$name(command) => command.check_bounds(),)*
                Command::Forced(command) => return check_bounds(command),
            }
        };
    }
    model::for_each_command!(dispatch).map_err(|broken| MetaError::Internal(format!("{command}: {broken}")))
}

/// Carries out a command; the only entry point that changes replicated state.
pub(crate) fn apply(tx: &mut Transaction<'_>, context: ApplyContext, command: &Command) -> Result<Outcome, StateError> {
    let Some((kind, request)) = idempotency_key(command) else { return carry_out(tx, context, command) };
    dedup::expire(tx, context.time)?;
    if let Some(first) = dedup::find(tx, context.time, kind, request)? {
        return Ok(first);
    }
    let outcome = carry_out(tx, context, command)?;
    dedup::record(tx, context.time, kind, request, &outcome);
    Ok(outcome)
}

fn idempotency_key(command: &Command) -> Option<(u8, RequestId)> {
    macro_rules! dispatch {
        ($($name:ident,)*) => {
            match command {
                $(Command::$name(command) => command.idempotency_key(),)*
                Command::Forced(command) => idempotency_key(command),
            }
        };
    }
    model::for_each_command!(dispatch)
}

/// Refuses a change of a repository that takes none, unless the command is forced.
fn writable(tx: &Transaction<'_>, repository: &Repository) -> Result<(), Refusal> {
    if tx.is_forced() { Ok(()) } else { repository.writable() }
}

/// Refuses a change of a branch that is no merge.
fn open_to_writes(tx: &Transaction<'_>, repository: &Repository, branch: &BranchName) -> Result<(), Refusal> {
    writable(tx, repository)?;
    repository.unprotected(branch)
}

fn carry_out(tx: &mut Transaction<'_>, context: ApplyContext, command: &Command) -> Result<Outcome, StateError> {
    let writes = tx.writes();
    match dispatch(tx, context, command) {
        Ok(outcome) => Ok(outcome),
        Err(Halt::Refused(refusal)) => {
            debug_assert_eq!(tx.writes(), writes, "{command} was refused after it had written");
            Ok(Outcome::Refused(refusal))
        }
        Err(Halt::Failed(error)) => Err(error),
    }
}

fn dispatch(tx: &mut Transaction<'_>, context: ApplyContext, command: &Command) -> Result<Outcome, Halt> {
    macro_rules! dispatch {
        ($($name:ident,)*) => {
            match command {
                $(Command::$name(command) => command.apply(tx, context),)*
                Command::Forced(command) => {
                    tx.set_forced(true);
                    let done = dispatch(tx, context, command);
                    tx.set_forced(false);
                    done
                }
            }
        };
    }
    model::for_each_command!(dispatch)
}
