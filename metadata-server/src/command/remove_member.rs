//! Takes a user out of a group.

use model::{Outcome, RemoveMember};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

impl Apply for RemoveMember {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { group, user } = self;
        access::group(tx, group)?;
        let user = access::user_named(tx, user)?;
        access::leave(tx, group, &user);
        Ok(Outcome::Done)
    }
}
