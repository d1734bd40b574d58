//! Makes a user, and their first key with them: a user whom nobody can be would be in the way for ever.

use model::{CreateUser, GROUPS_MAX, Outcome, Refusal, RequestId, User, UserId};

use super::create_credential::give;
use super::dedup::kind;
use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, access, key, records};

impl Apply for CreateUser {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_USER, self.request))
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name, first_key, groups, only_first, .. } = self;
        if *only_first && is_set_up(tx)? {
            return Err(Refusal::AlreadySetUp.into());
        }
        let by_name = key::user_by_name(name);
        if tx.get(Table::Identities, &by_name)?.is_some() {
            return Err(Refusal::UserExists(name.clone()).into());
        }
        let user =
            User { id: UserId(context.index), name: name.clone(), created_at: context.time, sessions_since: None };
        // All that may be refused comes before anything is written.
        if groups.len() > GROUPS_MAX {
            return Err(Refusal::TooMany { what: format!("groups of user {name}"), max: GROUPS_MAX as u64 }.into());
        }
        for group in groups {
            access::room_for(tx, group, &user)?;
        }
        if let Some((access_key_id, secret)) = first_key {
            give(tx, &context, &user, access_key_id, secret)?;
        }
        for group in groups {
            access::join(tx, group, &user)?;
        }
        records::put(tx, Table::Identities, key::user(user.id), &user);
        tx.put(Table::Identities, by_name, user.id.0.to_be_bytes().to_vec());
        if *only_first {
            tx.put(Table::Identities, key::first_user_was_made(), vec![]);
        }
        Ok(Outcome::User(user))
    }
}

/// Whether there is a user, or ever was a first one: who deletes all users doesn't open the installation to anybody.
fn is_set_up(tx: &Transaction<'_>) -> Result<bool, StateError> {
    if tx.get(Table::Identities, &key::first_user_was_made())?.is_some() {
        return Ok(true);
    }
    Ok(tx.scan(Table::Identities, key::users_by_name("", "")).next().transpose()?.is_some())
}
