//! Makes a group.

use model::{Group, GroupName, Outcome, Refusal};

use super::ApplyContext;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, context: ApplyContext, name: &GroupName) -> Result<Outcome, Halt> {
    let key = key::group(name);
    if tx.get(Table::Identities, &key)?.is_some() {
        return Err(Refusal::GroupExists(name.clone()).into());
    }
    let group = Group { name: name.clone(), created_at: context.time };
    records::put(tx, Table::Identities, key, &group);
    Ok(Outcome::Group(group))
}
