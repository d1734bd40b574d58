//! Detaches a policy from a user or a group.

use model::{Outcome, PolicyHolder, PolicyName};

use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

pub(super) fn apply(tx: &mut Transaction<'_>, policy: &PolicyName, holder: &PolicyHolder) -> Result<Outcome, Halt> {
    access::policy(tx, policy)?;
    let holder = access::holder(tx, holder)?;
    access::detach(tx, policy, &holder);
    Ok(Outcome::Done)
}
