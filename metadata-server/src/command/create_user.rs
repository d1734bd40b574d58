//! Makes a user, and their first key with them: a user whom nobody can be would be in the way for ever.

use model::{GROUPS_MAX, GroupName, Outcome, Refusal, SealedSecret, User, UserId, UserName};

use super::At;
use super::create_credential::give;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, access, key, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    at: At,
    name: &UserName,
    first_key: Option<&(String, SealedSecret)>,
    groups: &[GroupName],
) -> Result<Outcome, Halt> {
    let by_name = key::user_by_name(name);
    if tx.get(Table::Identities, &by_name)?.is_some() {
        return Err(Refusal::UserExists(name.clone()).into());
    }
    let user = User { id: UserId(at.index), name: name.clone(), created_at: at.time, sessions_since: None };
    // All that may be refused comes before anything is written.
    if groups.len() > GROUPS_MAX {
        return Err(Refusal::TooMany { what: format!("groups of user {name}"), max: GROUPS_MAX as u64 }.into());
    }
    for group in groups {
        access::room_for(tx, group, &user)?;
    }
    if let Some((access_key_id, secret)) = first_key {
        give(tx, &at, &user, access_key_id, secret)?;
    }
    for group in groups {
        access::join(tx, group, &user)?;
    }
    records::put(tx, Table::Identities, key::user(user.id), &user);
    tx.put(Table::Identities, by_name, user.id.0.to_be_bytes().to_vec());
    Ok(Outcome::User(user))
}
