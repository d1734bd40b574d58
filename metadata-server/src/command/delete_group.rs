//! Forgets a group, and with it what its users had by it.

use model::{GroupName, Outcome};

use crate::state::key::Holder;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, access, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, name: &GroupName) -> Result<Outcome, Halt> {
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
