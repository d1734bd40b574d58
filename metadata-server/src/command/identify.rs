//! Gives the installation its id, once, and notes which object store is its own if that is what it was expected to be.

use model::{Identify, Installation, Outcome};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for Identify {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { installation: id, store, replaces } = self;
        let (id, store, replaces) = (*id, *store, *replaces);
        let known = records::installation(tx)?;
        let mut installation = known.unwrap_or(Installation { id, store: None });
        if store.is_some() && installation.store == replaces {
            installation.store = store;
        }
        if known != Some(installation) {
            records::put(tx, Table::Settings, key::INSTALLATION.to_vec(), &installation);
        }
        Ok(Outcome::Installation(installation))
    }
}
