//! Makes a group.

use model::{Group, GroupName, Outcome, Refusal};

use super::At;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, at: At, name: &GroupName) -> Result<Outcome, Halt> {
    let key = key::group(name);
    if tx.get(Table::Identities, &key)?.is_some() {
        return Err(Refusal::GroupExists(name.clone()).into());
    }
    let group = Group { name: name.clone(), created_at: at.time };
    records::put(tx, Table::Identities, key, &group);
    Ok(Outcome::Group(group))
}
