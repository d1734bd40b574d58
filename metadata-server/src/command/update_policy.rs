//! Gives a policy another document; who holds it is judged by that from then on.

use model::{Outcome, POLICY_BYTES_MAX, Policy, UpdatePolicy};

use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, access, key, records};

impl Apply for UpdatePolicy {
    fn check_bounds(&self) -> Result<(), String> {
        bounds::at_most("bytes in a policy", self.document.len(), POLICY_BYTES_MAX)
    }

    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name, document } = self;
        let policy = Policy { document: document.to_owned(), ..access::policy(tx, name)? };
        records::put(tx, Table::Identities, key::policy(name), &policy);
        Ok(Outcome::Policy(policy))
    }
}
