//! Ends all sessions of a user that were begun so far.

use model::{EndSessions, Outcome};

use super::end_session::end_all;
use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

impl Apply for EndSessions {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { user } = self;
        let user = access::user_named(tx, user)?;
        Ok(Outcome::User(end_all(tx, context, user)?))
    }
}
