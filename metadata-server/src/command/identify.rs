//! Gives the installation its id, once, and notes which object store is its own if that is what it was expected to be.

use model::{Installation, InstallationId, Outcome, StoreId};

use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    id: InstallationId,
    store: Option<StoreId>,
    replaces: Option<StoreId>,
) -> Result<Outcome, Halt> {
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
