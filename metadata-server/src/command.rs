//! The replicated commands: each file says what one of them does to the state. Owns the dispatch, the answers kept for
//! retries (`dedup`) and the bounds of commands. Leaves keys, encodings and atomicity to `state`. Invariant: what a
//! command does depends on the state, the log index and the stamped time alone, and a refused one does nothing.

mod abort_upload;
mod add_member;
mod attach_policy;
mod begin_job;
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

use model::{
    ANSWER_BYTES_MAX, BeginJob, BranchName, CHECKPOINT_BYTES_MAX, Command, CompletedRequest, CreateBranch,
    CreatePolicy, CreateRepository, DeleteBranch, EndRequest, JOB_BYTES_MAX, JobState, MetaError, Note, Outcome,
    PART_NUMBER_MAX, POLICY_BYTES_MAX, Publish, PutPart, Refusal, ReportJob, Repository, RequestId, Stage, Timestamp,
    UndeleteBranch, UpdatePolicy,
};

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

    /// Carries it out. What is refused must not have written anything.
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt>;
}

/// Refuses a command that is larger than any of ours, before it gets into the log. The state machine would carry it
/// out; this bounds how long it holds up the others.
///
/// # Errors
/// [`MetaError::Internal`], since callers keep the bounds.
pub fn check_bounds(command: &Command) -> Result<(), MetaError> {
    let broken = match command {
        Command::Forced(command) => return check_bounds(command),
        Command::Stage(Stage { changes, .. }) if changes.len() > Command::STAGED_CHANGES_MAX => {
            format!("{} changes; the most is {}", changes.len(), Command::STAGED_CHANGES_MAX)
        }
        Command::PutPart(PutPart { part, .. }) if !(1..=PART_NUMBER_MAX).contains(&part.number) => {
            format!("part {}; parts have numbers 1 to {PART_NUMBER_MAX}", part.number)
        }
        Command::BeginJob(BeginJob { spec, .. }) if spec.len() > JOB_BYTES_MAX => {
            format!("a request of {} bytes; the most is {JOB_BYTES_MAX}", spec.len())
        }
        Command::ReportJob(ReportJob { checkpoint: Some(checkpoint), .. })
            if checkpoint.len() > CHECKPOINT_BYTES_MAX =>
        {
            format!("a checkpoint of {} bytes; the most is {CHECKPOINT_BYTES_MAX}", checkpoint.len())
        }
        Command::EndRequest(EndRequest { ended, .. }) if is_too_large(ended) => {
            format!("a request of more than {JOB_BYTES_MAX} bytes, or an answer of more than {ANSWER_BYTES_MAX}")
        }
        Command::Publish(Publish { ended, passed, .. })
            if ended.len().max(passed.len()) > Command::ENDED_MAX || ended.iter().any(is_too_large) =>
        {
            let most = Command::ENDED_MAX;
            format!(
                "{} requests; the most is {most}, of {JOB_BYTES_MAX} bytes with {ANSWER_BYTES_MAX} of answer each",
                ended.len()
            )
        }
        Command::CreatePolicy(CreatePolicy { document, .. }) | Command::UpdatePolicy(UpdatePolicy { document, .. })
            if document.len() > POLICY_BYTES_MAX =>
        {
            format!("a policy of {} bytes; the most is {POLICY_BYTES_MAX}", document.len())
        }
        _ => match note(command) {
            Some(Note { who, why, .. }) if who.len().max(why.len()) > Note::TEXT_BYTES_MAX => {
                format!("a note of {} bytes; the most is {}", who.len().max(why.len()), Note::TEXT_BYTES_MAX)
            }
            _ => return Ok(()),
        },
    };
    Err(MetaError::Internal(format!("{command}: {broken}")))
}

fn is_too_large(ended: &CompletedRequest) -> bool {
    let answer = if let JobState::Done(answer) = &ended.state { answer.len() } else { 0 };
    ended.spec.len() > JOB_BYTES_MAX || answer > ANSWER_BYTES_MAX
}

/// What a command says to the reflog.
fn note(command: &Command) -> Option<&Note> {
    match command {
        Command::CreateRepository(CreateRepository { note, .. })
        | Command::CreateBranch(CreateBranch { note, .. })
        | Command::DeleteBranch(DeleteBranch { note, .. })
        | Command::UndeleteBranch(UndeleteBranch { note, .. })
        | Command::Publish(Publish { note, .. }) => Some(note),
        Command::Forced(command) => note(command),
        _ => None,
    }
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
