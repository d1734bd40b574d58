//! Gives a policy another document; who holds it is judged by that from then on.

use model::{Outcome, Policy, PolicyName};

use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, access, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, name: &PolicyName, document: &str) -> Result<Outcome, Halt> {
    let policy = Policy { document: document.to_owned(), ..access::policy(tx, name)? };
    records::put(tx, Table::Identities, key::policy(name), &policy);
    Ok(Outcome::Policy(policy))
}
