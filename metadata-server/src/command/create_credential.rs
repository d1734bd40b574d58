//! Gives a user an access key. Keys have one owner for ever: an id is never given twice.

use model::{CREDENTIALS_MAX, CreateCredential, Credential, Outcome, Refusal, RequestId, SealedSecret, User};

use super::dedup::kind;
use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, access, key, records};

impl Apply for CreateCredential {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_CREDENTIAL, self.request))
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { user, access_key_id, secret, .. } = self;
        let user = *user;
        let user = records::user(tx, user)?;
        Ok(Outcome::Credential(give(tx, &context, &user, access_key_id, secret)?))
    }
}

/// Gives a key, or refuses before anything is written.
pub(super) fn give(
    tx: &mut Transaction<'_>,
    context: &ApplyContext,
    user: &User,
    access_key_id: &str,
    secret: &SealedSecret,
) -> Result<Credential, Halt> {
    let key = key::credential(access_key_id);
    if tx.get(Table::Identities, &key)?.is_some() {
        return Err(Refusal::CredentialExists(access_key_id.into()).into());
    }
    let of_user = key::credentials_of_user(user.id, "", "");
    access::room(tx, of_user, CREDENTIALS_MAX, || format!("access keys of user {}", user.name))?;
    let credential = Credential {
        access_key_id: access_key_id.into(),
        secret: secret.clone(),
        user: user.id,
        created_at: context.time,
    };
    records::put(tx, Table::Identities, key, &credential);
    tx.put(Table::Identities, key::credential_of_user(user.id, access_key_id), vec![]);
    Ok(credential)
}
