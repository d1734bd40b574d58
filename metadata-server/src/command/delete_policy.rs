//! Forgets a policy and takes it from all who hold it: one made again under the name is attached to nobody.

use model::{DeletePolicy, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, access, key, records};

impl Apply for DeletePolicy {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name } = self;
        access::policy(tx, name)?;
        let mut holders = Vec::new();
        for pair in tx.scan(Table::Identities, key::holders(name)) {
            let holder = key::holder_in(&pair?.0, name);
            holders.push(holder.ok_or_else(|| StateError::Corrupt("whom a policy is attached to".into()))?);
        }
        for holder in holders {
            tx.delete(Table::Identities, key::attached(&holder, name));
        }
        records::erase(tx, Table::Identities, key::holders(name))?;
        tx.delete(Table::Identities, key::policy(name));
        Ok(Outcome::Done)
    }
}
