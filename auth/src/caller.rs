//! Who calls, and with what rights. Owns the noun; leaves the proof to the protocols and [`crate::Directory`].
//! Invariant: a `Caller` is only made once a credential has been verified.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use model::{GroupName, JobCaller, SessionId, Timestamp, User, UserName};

use crate::permissions::{Question, Verdict};
use crate::{Actor, InvalidPolicy, Permissions, PolicyDocument, Trail};

/// A user who has proved to hold an access key or a session.
#[derive(Clone)]
pub struct Caller {
    /// Who.
    pub user: User,
    /// By which key: the one that signed, or that a session goes by.
    pub access_key_id: String,
    /// By which session, if not by a long-lived key.
    pub session: Option<SessionId>,
    /// The groups that this session is in besides the user's own: what their identity provider says.
    pub groups: Vec<GroupName>,
    /// From where.
    pub address: Option<IpAddr>,
    /// When they called.
    pub at: Timestamp,
    /// What the user may.
    pub permissions: Arc<Permissions>,
    /// What the session may at most, if it was narrowed: an action must be allowed by both.
    pub narrowed: Option<Arc<Narrowed>>,
    /// What the request leaves behind, if anything is written down.
    pub trail: Option<Arc<Trail>>,
}

/// What a session was narrowed to: a policy, as it was given and as it is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Narrowed {
    document: String,
    permissions: Permissions,
}

impl Narrowed {
    /// Reads the policy of a session of this user's.
    pub(crate) fn parse(user: &UserName, document: &str) -> Result<Self, InvalidPolicy> {
        let permissions = Permissions::of_document(user, &PolicyDocument::parse(document)?)?;
        Ok(Self { document: document.to_owned(), permissions })
    }

    pub(crate) fn judge(&self, question: &Question<'_>) -> Verdict {
        self.permissions.judge(question)
    }
}

impl Caller {
    /// The permissions that an action must be allowed by: the user's, and those that the session was narrowed to.
    pub(crate) fn all_permissions(&self) -> impl Iterator<Item = &Permissions> {
        let narrowed = self.narrowed.as_ref().map(|narrowed| &narrowed.permissions);
        [Some(self.permissions.as_ref()), narrowed].into_iter().flatten()
    }

    /// What is kept of a caller with work that goes on without them, for [`crate::Directory::resumed`].
    pub fn kept(&self) -> JobCaller {
        JobCaller {
            access_key_id: self.access_key_id.clone(),
            session: self.session,
            groups: self.groups.clone(),
            narrowed: self.narrowed.as_ref().map(|narrowed| narrowed.document.clone()),
            address: self.address,
            at: self.at,
        }
    }

    /// The name that commits carry as their committer.
    pub fn committer(&self) -> &str {
        self.user.name.as_str()
    }

    /// Has the audit tell the end of this request, which changes something of the caller's own that needs no right.
    pub fn changes_own(&self) {
        if let Some(trail) = &self.trail {
            trail.changes();
        }
    }
}

impl<'a> From<&'a Caller> for Actor<'a> {
    fn from(caller: &'a Caller) -> Self {
        let Caller { user, access_key_id, session, address, at, .. } = caller;
        Self { user, access_key_id, session: *session, address: *address, at: *at }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({} by {})", self.user.name, self.access_key_id)
    }
}
