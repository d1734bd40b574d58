//! Forgets a group, and with it what its users had by it.

use model::{DeleteGroup, Outcome};

use super::{Apply, ApplyContext};
use crate::state::key::Holder;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, access, key, records};

impl Apply for DeleteGroup {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name } = self;
        let group = access::group(tx, name)?;
        let mut members = Vec::new();
        for pair in tx.scan(Table::Identities, key::members(name, "", "")) {
            members.push(access::user_id(&pair?.1)?);
        }
        for user in members {
            tx.delete(Table::Identities, key::group_of_user(user, name));
        }
        records::erase(tx, Table::Identities, key::members(name, "", ""))?;
        access::detach_all(tx, &Holder::Group(group.name))?;
        tx.delete(Table::Identities, key::group(name));
        Ok(Outcome::Done)
    }
}
