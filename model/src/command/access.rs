//! Commands about users, groups, policies, access keys and sessions. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupName, PolicyHolder, PolicyName, RequestId, SealedSecret, SessionId, Timestamp, UserId, UserName};

/// Makes a user, in groups, with a first access key or without. → [`super::Outcome::User`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUser {
    /// So that a retry finds its own user.
    pub request: RequestId,
    /// The name.
    pub name: UserName,
    /// A key's public half and its secret, encrypted: both user and key are made or neither.
    pub first_key: Option<(String, SealedSecret)>,
    /// What the user is in from the beginning.
    pub groups: Vec<GroupName>,
    /// Only if there never was another user; else the refusal is `AlreadySetUp`. Once in an installation's life.
    pub only_first: bool,
}

impl fmt::Display for CreateUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;

        write!(f, "create user {name}")
    }
}

/// Gives a user an access key. → [`super::Outcome::Credential`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCredential {
    /// So that a retry finds its own key.
    pub request: RequestId,
    /// Whose.
    pub user: UserId,
    /// The public half.
    pub access_key_id: String,
    /// The secret half, encrypted.
    pub secret: SealedSecret,
}

impl fmt::Display for CreateCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, access_key_id, .. } = self;

        write!(f, "create access key {access_key_id} of user {user}")
    }
}

/// Takes an access key of a user away, and with it the sessions that it began. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteCredential {
    /// Whose.
    pub user: UserName,
    /// The public half.
    pub access_key_id: String,
}

impl fmt::Display for DeleteCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, access_key_id } = self;

        write!(f, "delete access key {access_key_id} of user {user}")
    }
}

/// Forgets a user with all keys, memberships, attached policies and sessions: one made again under the name gets
/// nothing of it. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteUser {
    /// Who.
    pub name: UserName,
}

impl fmt::Display for DeleteUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name } = self;

        write!(f, "delete user {name}")
    }
}

/// Ends one session. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSession {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// When it would have ended by itself: until then it is remembered.
    pub until: Timestamp,
}

impl fmt::Display for EndSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, session, .. } = self;

        write!(f, "end session {session} of user {user}")
    }
}

/// Ends all sessions of a user that were begun so far. → [`super::Outcome::User`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSessions {
    /// Whose.
    pub user: UserName,
}

impl fmt::Display for EndSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user } = self;

        write!(f, "end all sessions of user {user}")
    }
}

/// Makes a group. → [`super::Outcome::Group`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGroup {
    /// So that a retry finds its own group.
    pub request: RequestId,
    /// The name.
    pub name: GroupName,
}

impl fmt::Display for CreateGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;

        write!(f, "create group {name}")
    }
}

/// Forgets a group with its memberships and attached policies. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteGroup {
    /// Which.
    pub name: GroupName,
}

impl fmt::Display for DeleteGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name } = self;

        write!(f, "delete group {name}")
    }
}

/// Takes a user into a group; once is enough. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddMember {
    /// Into which.
    pub group: GroupName,
    /// Whom.
    pub user: UserName,
}

impl fmt::Display for AddMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, user } = self;

        write!(f, "add user {user} to group {group}")
    }
}

/// Takes a user out of a group, if they are in it. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveMember {
    /// Out of which.
    pub group: GroupName,
    /// Whom.
    pub user: UserName,
}

impl fmt::Display for RemoveMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, user } = self;

        write!(f, "remove user {user} from group {group}")
    }
}

/// Makes a policy. → [`super::Outcome::Policy`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatePolicy {
    /// So that a retry finds its own policy.
    pub request: RequestId,
    /// The name.
    pub name: PolicyName,
    /// What it says; already checked.
    pub document: String,
}

impl fmt::Display for CreatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;

        write!(f, "create policy {name}")
    }
}

/// Gives a policy another document. → [`super::Outcome::Policy`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePolicy {
    /// Which.
    pub name: PolicyName,
    /// What it says; already checked.
    pub document: String,
}

impl fmt::Display for UpdatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;

        write!(f, "update policy {name}")
    }
}

/// Forgets a policy and takes it from all who hold it. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePolicy {
    /// Which.
    pub name: PolicyName,
}

impl fmt::Display for DeletePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name } = self;

        write!(f, "delete policy {name}")
    }
}

/// Attaches a policy; once is enough. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachPolicy {
    /// Which.
    pub policy: PolicyName,
    /// To whom.
    pub holder: PolicyHolder,
}

impl fmt::Display for AttachPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, holder } = self;

        write!(f, "attach policy {policy} to {holder}")
    }
}

/// Detaches a policy, if it is attached. → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetachPolicy {
    /// Which.
    pub policy: PolicyName,
    /// From whom.
    pub holder: PolicyHolder,
}

impl fmt::Display for DetachPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, holder } = self;

        write!(f, "detach policy {policy} from {holder}")
    }
}

/// Makes the default policies and groups, once in an installation's life: what operators deleted stays deleted.
/// → [`super::Outcome::Done`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUpAccess {
    /// Names and documents.
    pub policies: Vec<(PolicyName, String)>,
    /// Names, and the policies attached.
    pub groups: Vec<(GroupName, Vec<PolicyName>)>,
    /// Users who are taken into groups, if they are there.
    pub members: Vec<(GroupName, UserName)>,
}

impl fmt::Display for SetUpAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policies, groups, .. } = self;

        write!(f, "set up {} policies and {} groups", policies.len(), groups.len())
    }
}
