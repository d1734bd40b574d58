//! Forgets a user with all that is theirs, in one step: who is made again under the name gets none of it back.

use model::{DeleteUser, Outcome};

use super::{Apply, ApplyContext};
use crate::state::key::{Holder, KeyParent};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, access, key, records};

impl Apply for DeleteUser {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name } = self;
        let user = access::user_named(tx, name)?;
        let (mut keys, parent) = (Vec::new(), KeyParent::of_credentials(user.id));
        for pair in tx.scan(Table::Identities, key::credentials_of_user(user.id, "", "")) {
            let id = key::name_at_end(&pair?.0, &parent);
            keys.push(id.ok_or_else(|| StateError::Corrupt("the id of a user's access key".into()))?);
        }
        for id in keys {
            tx.delete(Table::Identities, key::credential(&id));
            tx.delete(Table::Identities, key::credential_of_user(user.id, &id));
        }
        for group in access::groups_of(tx, user.id)? {
            access::leave(tx, &group, &user);
        }
        access::detach_all(tx, &Holder::User(user.id))?;
        records::erase(tx, Table::Identities, key::ended_sessions(user.id))?;
        tx.delete(Table::Identities, key::user(user.id));
        tx.delete(Table::Identities, key::user_by_name(name));
        Ok(Outcome::Done)
    }
}
