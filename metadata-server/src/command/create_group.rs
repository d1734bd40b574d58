//! Makes a group.

use model::{CreateGroup, Group, Outcome, Refusal, RequestId};

use super::dedup::kind;
use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for CreateGroup {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_GROUP, self.request))
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name, .. } = self;
        let key = key::group(name);
        if tx.get(Table::Identities, &key)?.is_some() {
            return Err(Refusal::GroupExists(name.clone()).into());
        }
        let group = Group { name: name.clone(), created_at: context.time };
        records::put(tx, Table::Identities, key, &group);
        Ok(Outcome::Group(group))
    }
}
