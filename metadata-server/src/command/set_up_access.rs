//! Makes the usual groups and policies, once in an installation's life: what an operator deleted stays deleted.
//! Installations that are older than groups get their users' keys into the index of keys here too.

use model::{Credential, Group, Outcome, Policy, SetUpAccess};
use proto::metadata::decode;

use super::{Apply, ApplyContext};
use crate::state::key::Holder;
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, access, key, records};

impl Apply for SetUpAccess {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { policies, groups, members } = self;
        if tx.get(Table::Identities, &key::access_is_set_up())?.is_some() {
            return Ok(Outcome::Done);
        }
        for (name, document) in policies {
            if tx.get(Table::Identities, &key::policy(name))?.is_none() {
                let policy = Policy { name: name.clone(), document: document.clone(), created_at: context.time };
                records::put(tx, Table::Identities, key::policy(name), &policy);
            }
        }
        for (name, attached) in groups {
            if tx.get(Table::Identities, &key::group(name))?.is_none() {
                let group = Group { name: name.clone(), created_at: context.time };
                records::put(tx, Table::Identities, key::group(name), &group);
            }
            let holder = Holder::Group(name.clone());
            for policy in attached.iter().filter(|policy| policies.iter().any(|(made, _)| made == *policy)) {
                unless_full(access::attach(tx, policy, &holder))?;
            }
        }
        for (group, user) in members.iter().filter(|(group, _)| groups.iter().any(|(made, _)| made == group)) {
            if let Ok(user) = access::user_named(tx, user) {
                unless_full(access::join(tx, group, &user))?;
            }
        }
        index_keys(tx)?;
        tx.put(Table::Identities, key::access_is_set_up(), vec![]);
        Ok(Outcome::Done)
    }
}

/// What has no room is left out: the rest is worth having.
fn unless_full(done: Result<(), Halt>) -> Result<(), Halt> {
    match done {
        Err(Halt::Refused(_)) => Ok(()),
        done => done,
    }
}

fn index_keys(tx: &mut Transaction<'_>) -> Result<(), Halt> {
    let mut keys = Vec::new();
    for pair in tx.scan(Table::Identities, key::all_credentials()) {
        let credential: Credential = decode(&pair?.1).map_err(crate::state::StateError::from)?;
        keys.push(key::credential_of_user(credential.user, &credential.access_key_id));
    }
    keys.into_iter().for_each(|key| tx.put(Table::Identities, key, vec![]));
    Ok(())
}
