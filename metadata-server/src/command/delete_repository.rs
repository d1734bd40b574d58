//! Forgets a repository, at once: refs, staged entries and uploads are keyed by its uid, which nothing leads to any
//! more. They are removed when there is time. Its objects stay in the store.

use model::{DeleteRepository, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for DeleteRepository {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { name } = self;
        let repository = records::repository(tx, name)?;
        tx.delete(Table::Repos, key::repository(name));
        tx.delete(Table::Repos, key::namespace(&repository.namespace));
        records::drop_repository(tx, repository.uid);
        Ok(Outcome::Done)
    }
}
