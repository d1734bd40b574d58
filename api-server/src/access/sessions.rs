//! Sessions: begun by who has a key or a login, ended by their owner or an administrator. Invariant: who ends a
//! session has proved to be in it, or may change its user.

use auth::{Action, Begun, Caller, CannotBegin, Directory, PolicyDocument, Resource, SESSION_SECONDS_MAX, authorize};
use model::{Command, EndSession, EndSessions, MetaStore, RepositoryName, Timestamp, UserName};
use proto::api::InvalidField;

use crate::Error;

/// What a session is narrowed to.
#[derive(Debug, Clone)]
pub(crate) enum Narrowing {
    /// A policy document.
    Policy(String),
    /// The objects of a ref, or of any, under a prefix.
    Objects { repository: RepositoryName, reference: Option<String>, prefix: String, read_only: bool },
}

/// Begins a session of the caller's.
pub(crate) fn begin_session(
    directory: &Directory,
    caller: &Caller,
    seconds: Option<u64>,
    narrowing: Option<Narrowing>,
) -> Result<Begun, Error> {
    let policy = narrowing.map(document).transpose()?;
    auth::begin_session(directory, caller, seconds, policy.as_ref()).map_err(|why| match why {
        CannotBegin::Narrowed => Error::CannotBegin(why),
        CannotBegin::Length(_) => InvalidField::new("seconds", why).into(),
        CannotBegin::Policy(_) => InvalidField::new("policy", why).into(),
    })
}

fn document(narrowing: Narrowing) -> Result<PolicyDocument, InvalidField> {
    let document = match narrowing {
        Narrowing::Policy(text) => PolicyDocument::parse_new(&text),
        Narrowing::Objects { repository, reference, prefix, read_only } => {
            PolicyDocument::of_prefix(&repository, reference.as_deref(), &prefix, read_only)
        }
    };
    document.map_err(|why| InvalidField::new("policy", why))
}

/// Ends the caller's own session. A caller with a long-lived key has none, which is no failure.
pub(crate) async fn end_session(meta: &dyn MetaStore, caller: &Caller) -> Result<(), Error> {
    let Some(session) = caller.session else { return Ok(()) };
    caller.changes_own();
    let longest = i64::try_from(SESSION_SECONDS_MAX * 1000).unwrap_or(i64::MAX);
    let until = Timestamp::from_millis(caller.at.as_millis().saturating_add(longest));
    Ok(meta.write(Command::EndSession(EndSession { user: caller.user.id, session, until })).await?.done()?)
}

/// Ends all sessions of a user.
pub(crate) async fn end_sessions(meta: &dyn MetaStore, caller: &Caller, user: &UserName) -> Result<(), Error> {
    if *user != caller.user.name || caller.narrowed.is_some() {
        authorize(caller, Action::UpdateUser, &Resource::User(user.clone()))?;
    }
    caller.changes_own();
    meta.write(Command::EndSessions(EndSessions { user: user.clone() })).await?.user()?;
    tracing::info!(user = %user, by = %caller.user.name, "all sessions ended");
    Ok(())
}
