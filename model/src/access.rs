//! Who may what, as the metadata service keeps it: groups, policies, and what a caller's key or session comes to. Owns
//! the nouns and their bounds; leaves what a policy's text means to `auth`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Credential, GroupName, PolicyName, SessionId, Timestamp, User, UserId, UserName};

/// How many access keys a user may have.
pub const CREDENTIALS_MAX: usize = 100;
/// In how many groups a user may be.
pub const GROUPS_MAX: usize = 100;
/// How many users a group may have.
pub const MEMBERS_MAX: usize = 10_000;
/// How many policies may be attached to one user or group.
pub const POLICIES_MAX: usize = 100;
/// To how many users and groups one policy may be attached.
pub const HOLDERS_MAX: usize = 10_000;
/// How long a policy's document may be, in bytes.
pub const POLICY_BYTES_MAX: usize = 16 << 10;
/// How many ended sessions of a user are remembered; with one more, all that were begun so far end.
pub const SESSIONS_ENDED_MAX: usize = 1000;

/// Users that share policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A named policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// What it says: JSON, which `auth::PolicyDocument` reads.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whom a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyHolder {
    /// One user.
    User(UserName),
    /// All users of a group.
    Group(GroupName),
}

impl fmt::Display for PolicyHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// What a caller shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessBy {
    /// An access key.
    Key(String),
    /// A session that was begun with an access key, or by a login elsewhere.
    Session {
        /// Whose it is.
        user: UserId,
        /// The session, and the one that began it, if one did.
        sessions: Vec<SessionId>,
        /// The access key that began it: the session ends with it.
        key: Option<String>,
        /// When it began.
        begun_at: Timestamp,
        /// The end of all the user's sessions that it is known to have begun after, whatever the clocks said.
        after: Option<Timestamp>,
        /// The groups that it is in besides its user's: those that an identity provider says they are in.
        groups: Vec<GroupName>,
    },
}

/// What a key or session comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whose it is.
    pub user: User,
    /// The key, if it was asked for by its id.
    pub credential: Option<Credential>,
    /// The user's policies, their own and their groups' and the session's groups', each once, in the order of their names.
    pub policies: Vec<Policy>,
}
