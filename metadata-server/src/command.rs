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
    ANSWER_BYTES_MAX, AbortUpload, AddMember, AttachPolicy, BeginJob, BranchName, CHECKPOINT_BYTES_MAX, CancelJob,
    ChangeSettings, ClaimJob, ClaimNamespace, Command, CompleteUpload, CompletedRequest, CreateBranch,
    CreateCredential, CreateGroup, CreatePolicy, CreateRepository, CreateTag, CreateUpload, CreateUser, DeleteBranch,
    DeleteCredential, DeleteGroup, DeletePolicy, DeleteRepository, DeleteTag, DeleteUser, DetachPolicy, EndRequest,
    EndSession, EndSessions, Identify, JOB_BYTES_MAX, JobState, MetaError, Note, Outcome, PART_NUMBER_MAX,
    POLICY_BYTES_MAX, Publish, PutPart, Refusal, RemoveMember, ReportJob, Repository, Seal, SetUpAccess, Stage,
    Timestamp, UndeleteBranch, Unstage, UpdatePolicy,
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
    let Some((kind, request)) = dedup::request(command) else { return carry_out(tx, context, command) };
    dedup::expire(tx, context.time)?;
    if let Some(first) = dedup::find(tx, context.time, kind, request)? {
        return Ok(first);
    }
    let outcome = carry_out(tx, context, command)?;
    dedup::record(tx, context.time, kind, request, &outcome);
    Ok(outcome)
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
    match command {
        Command::ClaimNamespace(ClaimNamespace { request, name, namespace }) => {
            claim_namespace::apply(tx, context, *request, name, namespace)
        }
        Command::CreateRepository(CreateRepository {
            request: _,
            name,
            namespace,
            default_branch,
            commit,
            claim,
            note,
        }) => create_repository::apply(tx, context, (name, namespace, *claim), (default_branch, *commit), note),
        Command::DeleteRepository(DeleteRepository { name }) => delete_repository::apply(tx, name),
        Command::ChangeSettings(ChangeSettings { repository, change }) => {
            change_settings::apply(tx, repository, change)
        }
        Command::CreateBranch(CreateBranch { request: _, repository, branch, commit, hidden, note }) => {
            create_branch::apply(tx, context, repository, branch, (*commit, *hidden), note)
        }
        Command::DeleteBranch(DeleteBranch { repository, branch, note }) => {
            delete_branch::apply(tx, context, repository, branch, note)
        }
        Command::UndeleteBranch(UndeleteBranch { request: _, repository, branch, note }) => {
            undelete_branch::apply(tx, context, repository, branch, note)
        }
        Command::CreateTag(CreateTag { request: _, repository, tag, commit }) => {
            create_tag::apply(tx, context, repository, tag, *commit)
        }
        Command::DeleteTag(DeleteTag { repository, tag }) => delete_tag::apply(tx, repository, tag),
        Command::Stage(Stage { repository, uid, branch, changes }) => {
            stage::apply(tx, context, (repository, *uid), branch, changes)
        }
        Command::Unstage(Unstage { repository, branch, scope }) => {
            unstage::apply(tx, context, repository, branch, scope)
        }
        Command::Seal(Seal { repository, branch }) => seal::apply(tx, context, repository, branch),
        Command::Publish(Publish {
            request: _,
            repository,
            branch,
            expected,
            head,
            consumed,
            held_by,
            read_at,
            require_clean,
            ended,
            passed,
            note,
        }) => {
            let publication = publish::Publication {
                expected: *expected,
                head: *head,
                consumed,
                held_by,
                read_at: *read_at,
                ended,
                require_clean: *require_clean,
                passed,
                note,
            };
            publish::apply(tx, context, repository, branch, &publication)
        }
        Command::CreateUpload(CreateUpload { request: _, repository, upload }) => {
            create_upload::apply(tx, context, repository, upload)
        }
        Command::PutPart(PutPart { repository, upload, part }) => put_part::apply(tx, repository, *upload, part),
        Command::CompleteUpload(CompleteUpload { repository, upload, entry, condition, request }) => {
            let completion = complete_upload::Completion { entry, condition: condition.as_ref(), request: *request };
            complete_upload::apply(tx, context, repository, *upload, &completion)
        }
        Command::AbortUpload(AbortUpload { repository, upload }) => abort_upload::apply(tx, repository, *upload),
        Command::CreateUser(CreateUser { request: _, name, first_key, groups, only_first }) => {
            let new = create_user::NewUser { name, first_key: first_key.as_ref(), groups, only_first: *only_first };
            create_user::apply(tx, context, &new)
        }
        Command::CreateCredential(CreateCredential { request: _, user, access_key_id, secret }) => {
            create_credential::apply(tx, context, *user, access_key_id, secret)
        }
        Command::BeginJob(BeginJob { request, repository, kind, user, caller, spec, runner }) => {
            let (kind, user, caller) = (*kind, *user, caller.as_ref());
            let new = begin_job::NewJob { repository, kind, user, caller, spec, runner: *runner };
            begin_job::apply(tx, context, *request, &new)
        }
        Command::ClaimJob(ClaimJob { job, runner, lease_ms }) => {
            claim_job::apply(tx, context, *job, *runner, *lease_ms)
        }
        Command::ReportJob(ReportJob { job, runner, lease_ms, progress, checkpoint }) => {
            report_job::apply(tx, context, *job, (*runner, *lease_ms), progress, checkpoint.as_deref())
        }
        Command::CancelJob(CancelJob { job }) => cancel_job::apply(tx, context, *job),
        Command::EndRequest(EndRequest { repository, runner, ended }) => {
            end_request::apply(tx, context, repository, *runner, ended)
        }
        Command::DeleteCredential(DeleteCredential { user, access_key_id }) => {
            delete_credential::apply(tx, user, access_key_id)
        }
        Command::DeleteUser(DeleteUser { name }) => delete_user::apply(tx, name),
        Command::EndSession(EndSession { user, session, until }) => {
            end_session::apply(tx, context, *user, *session, *until)
        }
        Command::EndSessions(EndSessions { user }) => end_sessions::apply(tx, context, user),
        Command::CreateGroup(CreateGroup { request: _, name }) => create_group::apply(tx, context, name),
        Command::DeleteGroup(DeleteGroup { name }) => delete_group::apply(tx, name),
        Command::AddMember(AddMember { group, user }) => add_member::apply(tx, group, user),
        Command::RemoveMember(RemoveMember { group, user }) => remove_member::apply(tx, group, user),
        Command::CreatePolicy(CreatePolicy { request: _, name, document }) => {
            create_policy::apply(tx, context, name, document)
        }
        Command::UpdatePolicy(UpdatePolicy { name, document }) => update_policy::apply(tx, name, document),
        Command::DeletePolicy(DeletePolicy { name }) => delete_policy::apply(tx, name),
        Command::AttachPolicy(AttachPolicy { policy, holder }) => attach_policy::apply(tx, policy, holder),
        Command::DetachPolicy(DetachPolicy { policy, holder }) => detach_policy::apply(tx, policy, holder),
        Command::SetUpAccess(SetUpAccess { policies, groups, members }) => {
            set_up_access::apply(tx, context, policies, groups, members)
        }
        Command::Identify(Identify { installation, store, replaces }) => {
            identify::apply(tx, *installation, *store, *replaces)
        }
        Command::Forced(command) => {
            tx.set_forced(true);
            let done = dispatch(tx, context, command);
            tx.set_forced(false);
            done
        }
    }
}
