//! Conversions of questions about users, access keys, groups and policies.

use model::{
    AccessBy, GetAccess, GetCredential, GetGroup, GetPolicy, GetUser, GetUserByName, ListCredentials, ListGroups,
    ListMembers, ListPolicies, ListUsers, PageRequest, Timestamp, UserId,
};

use super::*;
use crate::generated::metadata::get_access;

impl Wire for GetUser {
    type Message = pb::GetUser;

    fn to_message(&self) -> pb::GetUser {
        let Self { id } = self;
        pb::GetUser { id: id.0 }
    }

    fn from_message(m: pb::GetUser) -> Result<Self, DecodeError> {
        Ok(Self { id: UserId(m.id) })
    }
}

impl Wire for GetUserByName {
    type Message = pb::GetUserByName;

    fn to_message(&self) -> pb::GetUserByName {
        let Self { name } = self;
        pb::GetUserByName { name: name.to_string() }
    }

    fn from_message(m: pb::GetUserByName) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for ListUsers {
    type Message = pb::ListUsers;

    fn to_message(&self) -> pb::ListUsers {
        let Self { page } = self;
        pb::ListUsers { prefix: page.prefix.clone(), after: page.after.clone(), amount: wire_amount(page.amount) }
    }

    fn from_message(m: pb::ListUsers) -> Result<Self, DecodeError> {
        Ok(Self { page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) } })
    }
}

impl Wire for GetCredential {
    type Message = pb::GetCredential;

    fn to_message(&self) -> pb::GetCredential {
        let Self { access_key_id } = self;
        pb::GetCredential { access_key_id: access_key_id.clone() }
    }

    fn from_message(m: pb::GetCredential) -> Result<Self, DecodeError> {
        Ok(Self { access_key_id: m.access_key_id })
    }
}

impl Wire for ListCredentials {
    type Message = pb::ListCredentials;

    fn to_message(&self) -> pb::ListCredentials {
        let Self { user, page } = self;
        pb::ListCredentials {
            user: user.to_string(),
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListCredentials) -> Result<Self, DecodeError> {
        Ok(Self {
            user: name("user", m.user)?,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for GetGroup {
    type Message = pb::GetGroup;

    fn to_message(&self) -> pb::GetGroup {
        let Self { name } = self;
        pb::GetGroup { name: name.to_string() }
    }

    fn from_message(m: pb::GetGroup) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for ListGroups {
    type Message = pb::ListGroups;

    fn to_message(&self) -> pb::ListGroups {
        let Self { of, page } = self;
        pb::ListGroups {
            of: of.as_ref().map(ToString::to_string),
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListGroups) -> Result<Self, DecodeError> {
        Ok(Self {
            of: m.of.map(|of| name("of", of)).transpose()?,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for ListMembers {
    type Message = pb::ListMembers;

    fn to_message(&self) -> pb::ListMembers {
        let Self { group, page } = self;
        pb::ListMembers {
            group: group.to_string(),
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListMembers) -> Result<Self, DecodeError> {
        Ok(Self {
            group: name("group", m.group)?,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for GetPolicy {
    type Message = pb::GetPolicy;

    fn to_message(&self) -> pb::GetPolicy {
        let Self { name } = self;
        pb::GetPolicy { name: name.to_string() }
    }

    fn from_message(m: pb::GetPolicy) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for ListPolicies {
    type Message = pb::ListPolicies;

    fn to_message(&self) -> pb::ListPolicies {
        let Self { of, effective, page } = self;
        pb::ListPolicies {
            of: of.as_ref().map(Wire::to_message),
            effective: *effective,
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListPolicies) -> Result<Self, DecodeError> {
        Ok(Self {
            of: optional(m.of)?,
            effective: m.effective,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for GetAccess {
    type Message = pb::GetAccess;

    fn to_message(&self) -> pb::GetAccess {
        let Self { by } = self;
        pb::GetAccess { by: Some(by_message(by)) }
    }

    fn from_message(m: pb::GetAccess) -> Result<Self, DecodeError> {
        Ok(Self { by: by(m.by.ok_or(DecodeError::Missing("access.by"))?)? })
    }
}

fn by_message(by: &AccessBy) -> get_access::By {
    match by {
        AccessBy::Key(id) => get_access::By::Key(id.clone()),
        AccessBy::Session { user, sessions, key, begun_at, after, groups } => get_access::By::Session(pb::Session {
            user: user.0,
            sessions: sessions.iter().copied().map(session_bytes).collect(),
            key: key.clone(),
            begun_at_ms: begun_at.as_millis(),
            after_ms: after.map(Timestamp::as_millis),
            groups: groups.iter().map(ToString::to_string).collect(),
        }),
    }
}

fn by(message: get_access::By) -> Result<AccessBy, DecodeError> {
    Ok(match message {
        get_access::By::Key(id) => AccessBy::Key(id),
        get_access::By::Session(m) => AccessBy::Session {
            user: UserId(m.user),
            sessions: m.sessions.iter().map(|id| session(id)).collect::<Result<_, _>>()?,
            key: m.key,
            begun_at: Timestamp::from_millis(m.begun_at_ms),
            after: m.after_ms.map(Timestamp::from_millis),
            groups: m.groups.into_iter().map(|group| name("session.groups", group)).collect::<Result<_, _>>()?,
        },
    })
}
