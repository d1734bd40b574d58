//! Makes a user.

use model::{Outcome, Refusal, User, UserId, UserName};

use super::At;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, at: At, name: &UserName) -> Result<Outcome, Halt> {
    let by_name = key::user_by_name(name);
    if tx.get(Table::Identities, &by_name)?.is_some() {
        return Err(Refusal::UserExists(name.clone()).into());
    }
    let user = User { id: UserId(at.index), name: name.clone(), created_at: at.time };
    records::put(tx, Table::Identities, key::user(user.id), &user);
    tx.put(Table::Identities, by_name, user.id.0.to_be_bytes().to_vec());
    Ok(Outcome::User(user))
}
