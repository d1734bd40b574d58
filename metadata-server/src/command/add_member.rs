//! Takes a user into a group.

use model::{AddMember, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

impl Apply for AddMember {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { group, user } = self;
        access::group(tx, group)?;
        let user = access::user_named(tx, user)?;
        access::join(tx, group, &user)?;
        Ok(Outcome::Done)
    }
}
