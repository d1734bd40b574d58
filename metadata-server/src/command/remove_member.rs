//! Takes a user out of a group.

use model::{GroupName, Outcome, UserName};

use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

pub(super) fn apply(tx: &mut Transaction<'_>, group: &GroupName, user: &UserName) -> Result<Outcome, Halt> {
    access::group(tx, group)?;
    let user = access::user_named(tx, user)?;
    access::leave(tx, group, &user);
    Ok(Outcome::Done)
}
