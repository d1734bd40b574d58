//! Detaches a policy from a user or a group.

use model::{DetachPolicy, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

impl Apply for DetachPolicy {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { policy, holder } = self;
        access::policy(tx, policy)?;
        let holder = access::holder(tx, holder)?;
        access::detach(tx, policy, &holder);
        Ok(Outcome::Done)
    }
}
