//! Makes a policy.

use model::{Outcome, Policy, PolicyName, Refusal};

use super::ApplyContext;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    name: &PolicyName,
    document: &str,
) -> Result<Outcome, Halt> {
    let key = key::policy(name);
    if tx.get(Table::Identities, &key)?.is_some() {
        return Err(Refusal::PolicyExists(name.clone()).into());
    }
    let policy = Policy { name: name.clone(), document: document.to_owned(), created_at: context.time };
    records::put(tx, Table::Identities, key, &policy);
    Ok(Outcome::Policy(policy))
}
