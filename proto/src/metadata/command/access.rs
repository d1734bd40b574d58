//! Conversions of the commands about users, groups, policies, access keys and sessions.

use model::{
    AddMember, AttachPolicy, CreateCredential, CreateGroup, CreatePolicy, CreateUser, DeleteCredential, DeleteGroup,
    DeletePolicy, DeleteUser, DetachPolicy, EndSession, EndSessions, RemoveMember, SetUpAccess, UpdatePolicy,
};

use super::*;

impl Wire for CreateUser {
    type Message = pb::CreateUser;

    fn to_message(&self) -> pb::CreateUser {
        let Self { request, name, first_key, groups, only_first } = self;
        pb::CreateUser {
            request: request_bytes(*request),
            name: name.to_string(),
            first_key: first_key
                .clone()
                .map(|(access_key_id, secret)| pb::FirstKey { access_key_id, secret: secret.0 }),
            groups: groups.iter().map(ToString::to_string).collect(),
            only_first: *only_first,
        }
    }

    fn from_message(m: pb::CreateUser) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            first_key: m.first_key.map(|key| (key.access_key_id, SealedSecret(key.secret))),
            groups: m.groups.into_iter().map(|group| name("groups", group)).collect::<Result<_, _>>()?,
            only_first: m.only_first,
        })
    }
}

impl Wire for CreateCredential {
    type Message = pb::CreateCredential;

    fn to_message(&self) -> pb::CreateCredential {
        let Self { request, user, access_key_id, secret } = self;
        pb::CreateCredential {
            request: request_bytes(*request),
            user: user.0,
            access_key_id: access_key_id.clone(),
            secret: secret.0.clone(),
        }
    }

    fn from_message(m: pb::CreateCredential) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            user: UserId(m.user),
            access_key_id: m.access_key_id,
            secret: SealedSecret(m.secret),
        })
    }
}

impl Wire for DeleteCredential {
    type Message = pb::DeleteCredential;

    fn to_message(&self) -> pb::DeleteCredential {
        let Self { user, access_key_id } = self;
        pb::DeleteCredential { user: user.to_string(), access_key_id: access_key_id.clone() }
    }

    fn from_message(m: pb::DeleteCredential) -> Result<Self, DecodeError> {
        Ok(Self { user: name("user", m.user)?, access_key_id: m.access_key_id })
    }
}

impl Wire for DeleteUser {
    type Message = pb::DeleteUser;

    fn to_message(&self) -> pb::DeleteUser {
        let Self { name } = self;
        pb::DeleteUser { name: name.to_string() }
    }

    fn from_message(m: pb::DeleteUser) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for EndSession {
    type Message = pb::EndSession;

    fn to_message(&self) -> pb::EndSession {
        let Self { user, session, until } = self;
        pb::EndSession { user: user.0, session: session_bytes(*session), until_ms: until.as_millis() }
    }

    fn from_message(m: pb::EndSession) -> Result<Self, DecodeError> {
        Ok(Self { user: UserId(m.user), session: session(&m.session)?, until: Timestamp::from_millis(m.until_ms) })
    }
}

impl Wire for EndSessions {
    type Message = pb::EndSessions;

    fn to_message(&self) -> pb::EndSessions {
        let Self { user } = self;
        pb::EndSessions { user: user.to_string() }
    }

    fn from_message(m: pb::EndSessions) -> Result<Self, DecodeError> {
        Ok(Self { user: name("user", m.user)? })
    }
}

impl Wire for CreateGroup {
    type Message = pb::CreateGroup;

    fn to_message(&self) -> pb::CreateGroup {
        let Self { request, name } = self;
        pb::CreateGroup { request: request_bytes(*request), name: name.to_string() }
    }

    fn from_message(m: pb::CreateGroup) -> Result<Self, DecodeError> {
        Ok(Self { request: request(&m.request)?, name: name("name", m.name)? })
    }
}

impl Wire for DeleteGroup {
    type Message = pb::DeleteGroup;

    fn to_message(&self) -> pb::DeleteGroup {
        let Self { name } = self;
        pb::DeleteGroup { name: name.to_string() }
    }

    fn from_message(m: pb::DeleteGroup) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for AddMember {
    type Message = pb::Membership;

    fn to_message(&self) -> pb::Membership {
        let Self { group, user } = self;
        membership(group, user)
    }

    fn from_message(m: pb::Membership) -> Result<Self, DecodeError> {
        Ok(Self { group: name("group", m.group)?, user: name("user", m.user)? })
    }
}

impl Wire for RemoveMember {
    type Message = pb::Membership;

    fn to_message(&self) -> pb::Membership {
        let Self { group, user } = self;
        membership(group, user)
    }

    fn from_message(m: pb::Membership) -> Result<Self, DecodeError> {
        Ok(Self { group: name("group", m.group)?, user: name("user", m.user)? })
    }
}

impl Wire for CreatePolicy {
    type Message = pb::CreatePolicy;

    fn to_message(&self) -> pb::CreatePolicy {
        let Self { request, name, document } = self;
        pb::CreatePolicy { request: request_bytes(*request), name: name.to_string(), document: document.clone() }
    }

    fn from_message(m: pb::CreatePolicy) -> Result<Self, DecodeError> {
        Ok(Self { request: request(&m.request)?, name: name("name", m.name)?, document: m.document })
    }
}

impl Wire for UpdatePolicy {
    type Message = pb::UpdatePolicy;

    fn to_message(&self) -> pb::UpdatePolicy {
        let Self { name, document } = self;
        pb::UpdatePolicy { name: name.to_string(), document: document.clone() }
    }

    fn from_message(m: pb::UpdatePolicy) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)?, document: m.document })
    }
}

impl Wire for DeletePolicy {
    type Message = pb::DeletePolicy;

    fn to_message(&self) -> pb::DeletePolicy {
        let Self { name } = self;
        pb::DeletePolicy { name: name.to_string() }
    }

    fn from_message(m: pb::DeletePolicy) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for AttachPolicy {
    type Message = pb::Attachment;

    fn to_message(&self) -> pb::Attachment {
        let Self { policy, holder } = self;
        attachment(policy, holder)
    }

    fn from_message(m: pb::Attachment) -> Result<Self, DecodeError> {
        Ok(Self { policy: name("policy", m.policy)?, holder: needed::<PolicyHolder>("holder", m.holder)? })
    }
}

impl Wire for DetachPolicy {
    type Message = pb::Attachment;

    fn to_message(&self) -> pb::Attachment {
        let Self { policy, holder } = self;
        attachment(policy, holder)
    }

    fn from_message(m: pb::Attachment) -> Result<Self, DecodeError> {
        Ok(Self { policy: name("policy", m.policy)?, holder: needed::<PolicyHolder>("holder", m.holder)? })
    }
}

impl Wire for SetUpAccess {
    type Message = pb::SetUpAccess;

    fn to_message(&self) -> pb::SetUpAccess {
        let Self { policies, groups, members } = self;
        pb::SetUpAccess {
            policies: policies
                .iter()
                .map(|(name, document)| pb::NewPolicy { name: name.to_string(), document: document.clone() })
                .collect(),
            groups: groups
                .iter()
                .map(|(name, policies)| pb::NewGroup {
                    name: name.to_string(),
                    policies: policies.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            members: members.iter().map(|(group, user)| membership(group, user)).collect(),
        }
    }

    fn from_message(m: pb::SetUpAccess) -> Result<Self, DecodeError> {
        let policy = |new: pb::NewPolicy| Ok((name("policies.name", new.name)?, new.document));
        let group = |new: pb::NewGroup| {
            let policies = new.policies.into_iter().map(|policy| name("groups.policies", policy));
            Ok((name("groups.name", new.name)?, policies.collect::<Result<_, DecodeError>>()?))
        };
        let member = |new: pb::Membership| Ok((name("members.group", new.group)?, name("members.user", new.user)?));
        Ok(Self {
            policies: m.policies.into_iter().map(policy).collect::<Result<_, DecodeError>>()?,
            groups: m.groups.into_iter().map(group).collect::<Result<_, DecodeError>>()?,
            members: m.members.into_iter().map(member).collect::<Result<_, DecodeError>>()?,
        })
    }
}
