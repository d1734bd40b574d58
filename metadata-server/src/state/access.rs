//! Groups, memberships and attached policies: typed reads and writes of the records that lead both ways. Invariant: both ways
//! are written together, so that what is taken away from one side is gone from the other.

use std::collections::BTreeSet;

use model::{
    GROUPS_MAX, Group, GroupName, HOLDERS_MAX, MEMBERS_MAX, POLICIES_MAX, Policy, PolicyHolder, PolicyName, Refusal,
    User, UserId, UserName,
};

use super::key::{self, Holder, KeyParent};
use super::keyspace::{KeyRange, Keyspace, Table, Transaction};
use super::records::{self, find};
use super::{Halt, StateError};

pub(crate) fn user_named(keys: &dyn Keyspace, name: &UserName) -> Result<User, Halt> {
    let Some(id) = keys.get(Table::Identities, &key::user_by_name(name))? else {
        return Err(Refusal::UserNotFound(Some(name.clone())).into());
    };
    records::user(keys, user_id(&id)?)
}

/// Reads the user id that an index holds.
pub(crate) fn user_id(bytes: &[u8]) -> Result<UserId, StateError> {
    let bytes = bytes.try_into().map_err(|_| StateError::Corrupt("a user's id hasn't 8 bytes".into()))?;
    Ok(UserId(u64::from_be_bytes(bytes)))
}

pub(crate) fn group(keys: &dyn Keyspace, name: &GroupName) -> Result<Group, Halt> {
    find(keys, Table::Identities, &key::group(name))?.ok_or_else(|| Refusal::GroupNotFound(name.clone()).into())
}

pub(crate) fn policy(keys: &dyn Keyspace, name: &PolicyName) -> Result<Policy, Halt> {
    find(keys, Table::Identities, &key::policy(name))?.ok_or_else(|| Refusal::PolicyNotFound(name.clone()).into())
}

/// Whom a policy is attached to, if they are there.
pub(crate) fn holder(keys: &dyn Keyspace, holder: &PolicyHolder) -> Result<Holder, Halt> {
    match holder {
        PolicyHolder::User(name) => Ok(Holder::User(user_named(keys, name)?.id)),
        PolicyHolder::Group(name) => Ok(Holder::Group(group(keys, name)?.name)),
    }
}

/// Takes a user into a group.
pub(crate) fn join(tx: &mut Transaction<'_>, group: &GroupName, user: &User) -> Result<(), Halt> {
    let member = key::member(group, &user.name);
    if tx.get(Table::Identities, &member)?.is_some() {
        return Ok(());
    }
    room_for(tx, group, user)?;
    tx.put(Table::Identities, member, user.id.0.to_be_bytes().to_vec());
    tx.put(Table::Identities, key::group_of_user(user.id, group), vec![]);
    Ok(())
}

/// Refuses a group that isn't there, or one more member or membership than there may be.
pub(crate) fn room_for(keys: &dyn Keyspace, name: &GroupName, user: &User) -> Result<(), Halt> {
    group(keys, name)?;
    room(keys, key::members(name, "", ""), MEMBERS_MAX, || format!("users in group {name}"))?;
    room(keys, key::groups_of_user(user.id, "", ""), GROUPS_MAX, || format!("groups of user {}", user.name))
}

/// Takes a user out of a group.
pub(crate) fn leave(tx: &mut Transaction<'_>, group: &GroupName, user: &User) {
    tx.delete(Table::Identities, key::member(group, &user.name));
    tx.delete(Table::Identities, key::group_of_user(user.id, group));
}

pub(crate) fn attach(tx: &mut Transaction<'_>, policy: &PolicyName, holder: &Holder) -> Result<(), Halt> {
    let attached = key::attached(holder, policy);
    if tx.get(Table::Identities, &attached)?.is_some() {
        return Ok(());
    }
    room(tx, key::all_attached(holder, "", ""), POLICIES_MAX, || "policies attached to one user or group".into())?;
    room(tx, key::holders(policy), HOLDERS_MAX, || format!("users and groups that policy {policy} is attached to"))?;
    tx.put(Table::Identities, attached, vec![]);
    tx.put(Table::Identities, key::holder(policy, holder), vec![]);
    Ok(())
}

pub(crate) fn detach(tx: &mut Transaction<'_>, policy: &PolicyName, holder: &Holder) {
    tx.delete(Table::Identities, key::attached(holder, policy));
    tx.delete(Table::Identities, key::holder(policy, holder));
}

/// Takes all policies from one.
pub(crate) fn detach_all(tx: &mut Transaction<'_>, holder: &Holder) -> Result<(), StateError> {
    for policy in attached(tx, holder)? {
        detach(tx, &policy, holder);
    }
    Ok(())
}

/// Refuses one more of a range that is full.
pub(crate) fn room(
    keys: &dyn Keyspace,
    range: KeyRange,
    max: usize,
    what: impl FnOnce() -> String,
) -> Result<(), Halt> {
    let mut there = 0;
    for pair in keys.scan(Table::Identities, range).take(max) {
        pair?;
        there += 1;
    }
    if there < max { Ok(()) } else { Err(Refusal::TooMany { what: what(), max: max as u64 }.into()) }
}

/// The groups that a user is in; at most [`GROUPS_MAX`].
pub(crate) fn groups_of(keys: &dyn Keyspace, user: UserId) -> Result<Vec<GroupName>, StateError> {
    names(keys, key::groups_of_user(user, "", ""), &KeyParent::of_groups(user))
}

/// The policies that are attached to one; at most [`POLICIES_MAX`].
pub(crate) fn attached(keys: &dyn Keyspace, holder: &Holder) -> Result<Vec<PolicyName>, StateError> {
    names(keys, key::all_attached(holder, "", ""), &KeyParent::of_attached(holder))
}

/// The names at the end of a range's keys.
fn names<T: std::str::FromStr>(keys: &dyn Keyspace, range: KeyRange, parent: &KeyParent) -> Result<Vec<T>, StateError> {
    let mut names = Vec::new();
    for pair in keys.scan(Table::Identities, range) {
        let name = key::name_at_end(&pair?.0, parent).and_then(|name| name.parse().ok());
        names.push(name.ok_or_else(|| StateError::Corrupt("a name at the end of a key".into()))?);
    }
    Ok(names)
}

/// The names of a user's policies, their own and their groups'.
pub(crate) fn effective(keys: &dyn Keyspace, user: UserId) -> Result<BTreeSet<PolicyName>, StateError> {
    let mut all: BTreeSet<_> = attached(keys, &Holder::User(user))?.into_iter().collect();
    for group in groups_of(keys, user)? {
        all.extend(attached(keys, &Holder::Group(group))?);
    }
    Ok(all)
}
