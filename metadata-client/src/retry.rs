//! When a call is tried again. Owns the bounds on tries and waits, and which commands may be sent twice.

use std::time::Duration;

use model::{Command, MetaError, Publish};
use rand::RngExt as _;

/// How many times a call is tried, all endpoints together.
pub(crate) const TRIES_MAX: u32 = 8;
/// The wait before the second try; it doubles up to the longest, and is shortened at random by up to half.
const WAIT_MIN: Duration = Duration::from_millis(20);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The wait before try number `attempt`, which is 1 for the second.
pub(crate) fn wait(attempt: u32) -> Duration {
    let full = WAIT_MIN.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(WAIT_MAX);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Whether a call may be made again after this error.
pub(crate) fn may_retry(error: &MetaError, repeatable: bool) -> bool {
    match error {
        MetaError::OutcomeUnknown(_) => repeatable,
        MetaError::Unavailable(_) | MetaError::Refused(_) | MetaError::Internal(_) => error.is_retryable(),
    }
}

/// Whether a command that may have been carried out can be sent again: the service knows its request id and gives the
/// first answer again. Others may look idempotent and aren't beside other writers, as a PUT that overtakes a DELETE.
pub(crate) fn is_repeatable(command: &Command) -> bool {
    match command {
        Command::ClaimNamespace(_)
        | Command::CreateRepository(_)
        | Command::CreateBranch(_)
        | Command::UndeleteBranch(_)
        | Command::CreateTag(_)
        | Command::CreateUpload(_)
        | Command::CreateUser(_)
        | Command::CreateCredential(_)
        | Command::BeginJob(_)
        | Command::ClaimJob(_)
        | Command::ReportJob(_)
        | Command::CancelJob(_)
        | Command::EndRequest(_)
        | Command::CreateGroup(_)
        | Command::CreatePolicy(_)
        | Command::SetUpAccess(_)
        | Command::Identify(_) => true,
        Command::Publish(Publish { request, .. }) => request.is_some(),
        Command::Forced(command) => is_repeatable(command),
        Command::DeleteRepository(_)
        | Command::ChangeSettings(_)
        | Command::DeleteBranch(_)
        | Command::DeleteTag(_)
        | Command::Stage(_)
        | Command::Unstage(_)
        | Command::Seal(_)
        | Command::PutPart(_)
        | Command::CompleteUpload(_)
        | Command::AbortUpload(_)
        | Command::DeleteCredential(_)
        | Command::DeleteUser(_)
        | Command::EndSession(_)
        | Command::EndSessions(_)
        | Command::DeleteGroup(_)
        | Command::AddMember(_)
        | Command::RemoveMember(_)
        | Command::UpdatePolicy(_)
        | Command::DeletePolicy(_)
        | Command::AttachPolicy(_)
        | Command::DetachPolicy(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        for attempt in 1..100 {
            let wait = wait(attempt);
            assert!(wait >= WAIT_MIN / 2 && wait <= WAIT_MAX, "{wait:?}");
        }
        assert!(wait(1) <= WAIT_MIN);
    }

    #[test]
    fn an_unknown_outcome_is_retried_only_for_repeatable_commands() {
        let unknown = MetaError::OutcomeUnknown("broken".into());
        assert!(may_retry(&unknown, true) && !may_retry(&unknown, false));
        assert!(may_retry(&MetaError::Unavailable("down".into()), false));
        assert!(!may_retry(&MetaError::Internal("bug".into()), true));
    }
}
