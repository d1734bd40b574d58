//! Ends all sessions of a user that were begun so far.

use model::{Outcome, UserName};

use super::ApplyContext;
use super::end_session::end_all;
use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

pub(super) fn apply(tx: &mut Transaction<'_>, context: ApplyContext, user: &UserName) -> Result<Outcome, Halt> {
    let user = access::user_named(tx, user)?;
    Ok(Outcome::User(end_all(tx, context, user)?))
}
