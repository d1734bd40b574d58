//! Attaches a policy to a user or a group.

use model::{AttachPolicy, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::Transaction;
use crate::state::{Halt, access};

impl Apply for AttachPolicy {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { policy, holder } = self;
        access::policy(tx, policy)?;
        let holder = access::holder(tx, holder)?;
        access::attach(tx, policy, &holder)?;
        Ok(Outcome::Done)
    }
}
