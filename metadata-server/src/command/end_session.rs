//! Ends one session: remembers it until it would have ended by itself. Invariant: a user has a bounded number of these;
//! one more ends all of the user's sessions.

use model::{EndSession, Outcome, SESSIONS_ENDED_MAX, User};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, key, records};

impl Apply for EndSession {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { user, session, until } = self;
        let (user, session, until) = (*user, *session, *until);
        let user = records::user(tx, user)?;
        let (mut kept, mut over) = (0, Vec::new());
        for pair in tx.scan(Table::Identities, key::ended_sessions(user.id)) {
            let (key, until) = pair?;
            let until = until.try_into().map_err(|_| StateError::Corrupt("an ended session's time".into()))?;
            if i64::from_be_bytes(until) < context.time.as_millis() { over.push(key) } else { kept += 1 }
        }
        over.into_iter().for_each(|key| tx.delete(Table::Identities, key));
        if kept >= SESSIONS_ENDED_MAX {
            end_all(tx, context, user)?;
        } else {
            tx.put(Table::Identities, key::ended_session(user.id, session), until.as_millis().to_be_bytes().to_vec());
        }
        Ok(Outcome::Done)
    }
}

/// Ends all sessions of a user that were begun so far. No two of these ends have the same time, and none is before
/// another, unless a clock that ran ahead gave that one.
pub(super) fn end_all(tx: &mut Transaction<'_>, context: ApplyContext, user: User) -> Result<User, StateError> {
    let since = match user.sessions_since {
        Some(last) if !last.is_too_far(context.time, 0) => context.time.max(last.plus_millis(1)),
        _ => context.time,
    };
    let user = User { sessions_since: Some(since), ..user };
    records::erase(tx, Table::Identities, key::ended_sessions(user.id))?;
    records::put(tx, Table::Identities, key::user(user.id), &user);
    Ok(user)
}
