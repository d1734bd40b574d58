//! Deletes a tag.

use model::{DeleteTag, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for DeleteTag {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, tag: name } = self;
        let repository = records::repository(tx, repository)?;
        let key = key::tag(repository.uid, name);
        if tx.get(Table::Refs, &key)?.is_none() {
            return Err(records::no_such_tag(tx, repository.uid, name));
        }
        super::writable(tx, &repository)?;
        tx.delete(Table::Refs, key);
        Ok(Outcome::Done)
    }
}
