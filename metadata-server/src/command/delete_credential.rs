//! Takes an access key away. Sessions that it began look for it and end with it.

use model::{Credential, DeleteCredential, Outcome, Refusal};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, access, key, records};

impl Apply for DeleteCredential {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { user, access_key_id } = self;
        let user = access::user_named(tx, user)?;
        let found: Option<Credential> = records::find(tx, Table::Identities, &key::credential(access_key_id))?;
        if found.is_none_or(|credential| credential.user != user.id) {
            return Err(Refusal::CredentialNotFound(access_key_id.into()).into());
        }
        tx.delete(Table::Identities, key::credential(access_key_id));
        tx.delete(Table::Identities, key::credential_of_user(user.id, access_key_id));
        Ok(Outcome::Done)
    }
}
