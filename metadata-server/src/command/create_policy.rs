//! Makes a policy.

use model::{CreatePolicy, Outcome, POLICY_BYTES_MAX, Policy, Refusal, RequestId};

use super::dedup::kind;
use super::{Apply, ApplyContext, bounds};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for CreatePolicy {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_POLICY, self.request))
    }

    fn check_bounds(&self) -> Result<(), String> {
        bounds::at_most("bytes in a policy", self.document.len(), POLICY_BYTES_MAX)
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name, document, .. } = self;
        let key = key::policy(name);
        if tx.get(Table::Identities, &key)?.is_some() {
            return Err(Refusal::PolicyExists(name.clone()).into());
        }
        let policy = Policy { name: name.clone(), document: document.to_owned(), created_at: context.time };
        records::put(tx, Table::Identities, key, &policy);
        Ok(Outcome::Policy(policy))
    }
}
