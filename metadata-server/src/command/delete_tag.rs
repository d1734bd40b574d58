//! Deletes a tag.

use model::{Outcome, Refusal, RepositoryName, TagName};

use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(tx: &mut Transaction<'_>, repository: &RepositoryName, name: &TagName) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    let key = key::tag(repository.uid, name);
    if tx.get(Table::Refs, &key)?.is_none() {
        return Err(Refusal::TagNotFound(name.clone()).into());
    }
    super::writable(tx, &repository)?;
    tx.delete(Table::Refs, key);
    Ok(Outcome::Done)
}
