//! Takes an access key away. Sessions that it began look for it and end with it.

use model::{Credential, Outcome, Refusal, UserName};

use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, access, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, user: &UserName, access_key_id: &str) -> Result<Outcome, Halt> {
    let user = access::user_named(tx, user)?;
    let found: Option<Credential> = records::find(tx, Table::Identities, &key::credential(access_key_id))?;
    if found.is_none_or(|credential| credential.user != user.id) {
        return Err(Refusal::CredentialNotFound(access_key_id.into()).into());
    }
    tx.delete(Table::Identities, key::credential(access_key_id));
    tx.delete(Table::Identities, key::credential_of_user(user.id, access_key_id));
    Ok(Outcome::Done)
}
