//! Answers about users, access keys, groups and policies, and what a caller's key or session comes to.

use model::{
    Access, AccessBy, Credential, CredentialOfUser, GROUPS_MAX, GetAccess, GetCredential, GetGroup, GetPolicy, GetUser,
    GetUserByName, Group, GroupName, ListCredentials, ListGroups, ListMembers, ListPolicies, ListUsers, Page, Policy,
    PolicyHolder, PolicyName, Refusal, SessionId, Timestamp, User, UserId,
};

use super::Find;
use crate::state::access::{self, attached, effective, groups_of, user_named};
use crate::state::key::Holder;
use crate::state::keyspace::{KeyRange, Keyspace, Table};
use crate::state::page::{page, page_of_names, referred, value};
use crate::state::{Halt, StateError, key, records};

impl Find for GetUser {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<User, Halt> {
        records::user(keys, self.id)
    }
}

impl Find for GetUserByName {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<User, Halt> {
        user_named(keys, &self.name)
    }
}

impl Find for ListUsers {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<User>, Halt> {
        users(keys, key::users_by_name(&self.page.prefix, &self.page.after), self.page.amount)
    }
}

impl Find for GetCredential {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<CredentialOfUser, Halt> {
        let credential = credential(keys, &self.access_key_id)?;
        let user = records::user(keys, credential.user)?;
        Ok(CredentialOfUser { credential, user })
    }
}

impl Find for ListCredentials {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Credential>, Halt> {
        let user = user_named(keys, &self.user)?.id;
        let parent = key::KeyParent::of_credentials(user);
        let scan = keys.scan(Table::Identities, key::credentials_of_user(user, &self.page.prefix, &self.page.after));
        let page = page(scan, self.page.amount, |(key, _)| {
            let id = key::name_at_end(&key, &parent).ok_or_else(|| StateError::Corrupt("a key's id".into()))?;
            referred(keys, Table::Identities, &key::credential(&id))
        })?;
        Ok(page)
    }
}

impl Find for GetGroup {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Group, Halt> {
        access::group(keys, &self.name)
    }
}

impl Find for ListGroups {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Group>, Halt> {
        let Some(user) = &self.of else {
            let scan = keys.scan(Table::Identities, key::groups(&self.page.prefix, &self.page.after));
            return Ok(page(scan, self.page.amount, value)?);
        };
        let names = groups_of(keys, user_named(keys, user)?.id)?.into_iter().map(String::from);
        page_of_names(names, &self.page, |name| match name.parse::<GroupName>() {
            Ok(name) => access::group(keys, &name),
            Err(_) => Err(StateError::Corrupt("the name of a user's group".into()).into()),
        })
    }
}

impl Find for ListMembers {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<User>, Halt> {
        access::group(keys, &self.group)?;
        users(keys, key::members(&self.group, &self.page.prefix, &self.page.after), self.page.amount)
    }
}

impl Find for GetPolicy {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Policy, Halt> {
        access::policy(keys, &self.name)
    }
}

/// All policies, those attached to one holder, or a user's effective ones.
impl Find for ListPolicies {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Policy>, Halt> {
        let Some(of) = &self.of else {
            let scan = keys.scan(Table::Identities, key::policies(&self.page.prefix, &self.page.after));
            return Ok(page(scan, self.page.amount, value)?);
        };
        page_of_names(policy_names(keys, of, self.effective)?, &self.page, |name| match name.parse() {
            Ok(name) => access::policy(keys, &name),
            Err(_) => Err(StateError::Corrupt("the name of an attached policy".into()).into()),
        })
    }
}

fn policy_names(keys: &dyn Keyspace, of: &PolicyHolder, is_effective: bool) -> Result<Vec<String>, Halt> {
    Ok(match access::holder(keys, of)? {
        Holder::User(id) if is_effective => effective(keys, id)?.into_iter().map(String::from).collect(),
        holder => attached(keys, &holder)?.into_iter().map(String::from).collect(),
    })
}

impl Find for GetAccess {
    fn find(&self, keys: &dyn Keyspace) -> Result<Box<Access>, Halt> {
        let (user, credential, besides) = match &self.by {
            AccessBy::Key(id) => {
                let credential = credential(keys, id)?;
                (records::user(keys, credential.user)?, Some(credential), &[][..])
            }
            AccessBy::Session { user, sessions, key, begun_at, after, groups } => {
                (session(keys, *user, sessions, key.as_deref(), *begun_at, *after)?, None, &groups[..])
            }
        };
        let mut names = effective(keys, user.id)?;
        for group in besides.iter().take(GROUPS_MAX) {
            names.extend(attached(keys, &Holder::Group(group.clone()))?);
        }
        let policies =
            names.iter().map(|name: &PolicyName| access::policy(keys, name)).collect::<Result<Vec<_>, Halt>>()?;
        Ok(Box::new(Access { user, credential, policies }))
    }
}

/// A page of users from an index of names that holds their ids.
fn users(keys: &dyn Keyspace, range: KeyRange, amount: usize) -> Result<Page<User>, Halt> {
    let page = page(keys.scan(Table::Identities, range), amount, |(_, id)| {
        referred(keys, Table::Identities, &key::user(access::user_id(&id)?))
    })?;
    Ok(page)
}

fn credential(keys: &dyn Keyspace, id: &str) -> Result<Credential, Halt> {
    records::find(keys, Table::Identities, &key::credential(id))?
        .ok_or_else(|| Refusal::CredentialNotFound(id.into()).into())
}

/// The user of a session that hasn't ended: neither it, nor the one or the key that began it, nor all of the user's that
/// were begun before, or by somebody who didn't know of that end yet.
fn session(
    keys: &dyn Keyspace,
    user: UserId,
    sessions: &[SessionId],
    key: Option<&str>,
    begun_at: Timestamp,
    after: Option<Timestamp>,
) -> Result<User, Halt> {
    let ended = || Halt::from(Refusal::SessionEnded);
    let found: User = records::find(keys, Table::Identities, &key::user(user))?.ok_or_else(ended)?;
    if found.sessions_since.is_some_and(|since| begun_at <= since && after != Some(since)) {
        return Err(ended());
    }
    for session in sessions {
        if keys.get(Table::Identities, &key::ended_session(user, *session))?.is_some() {
            return Err(ended());
        }
    }
    if let Some(key) = key
        && credential(keys, key).map_or(true, |credential| credential.user != user)
    {
        return Err(ended());
    }
    Ok(found)
}
