//! Whose a key or a token is, and what they may. Owns the cache of opened keys and compiled policies that every
//! protocol shares the design of; asks the metadata service through the seam, and leaves proofs (signatures, secrets) to
//! the protocols. Invariant: what was taken away (a key, a session, a membership, a policy) stops counting within
//! [`DirectoryOptions::age_max`], and what isn't known isn't remembered, so that a new key works at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Access, AccessBy, Clock, Command, CreateUser, EndSessions, GetAccess, GetUserByName, GroupName, JobCaller,
    MetaError, MetaStore, Refusal, RequestId, SessionId, Timestamp, User, UserId, UserName,
};
use moka::future::Cache;
use secrecy::SecretString;

use crate::boxed;
use crate::issuer::{Identity, Issuer};
use crate::session::{InvalidToken, SessionClaims};
use crate::{ACCESS_KEY_ID_BYTES_MAX, Caller, Narrowed, Permissions, SecretBox, Unknown};

/// What a remembered caller counts for beside their policies' documents, in bytes.
const CALLER_BYTES: usize = 1 << 10;

/// The bounds of a directory.
#[derive(Debug, Clone, Copy)]
pub struct DirectoryOptions {
    /// How long something is remembered, so how long what was taken away still counts.
    pub age_max: Duration,
    /// How much is remembered.
    pub bytes_max: u64,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self { age_max: Duration::from_secs(5), bytes_max: 32 << 20 }
    }
}

/// Finds callers.
pub struct Directory {
    meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    secrets: SecretBox,
    issuer: Option<Arc<Issuer>>,
    known: Cache<String, Arc<Known>>,
}

/// Somebody who is known, before they have proved to be it.
#[derive(Debug)]
pub struct Known {
    user: User,
    access_key_id: String,
    session: Option<SessionId>,
    groups: Vec<GroupName>,
    permissions: Arc<Permissions>,
    narrowed: Option<Arc<Narrowed>>,
    secret: Option<SecretString>,
    weight: u32,
}

impl Directory {
    /// Makes a directory with an empty memory.
    pub fn new(meta: Arc<dyn MetaStore>, clock: Arc<dyn Clock>, secrets: SecretBox, options: DirectoryOptions) -> Self {
        let known = Cache::builder()
            .weigher(|id: &String, known: &Arc<Known>| {
                known.weight.saturating_add(u32::try_from(id.len()).unwrap_or(0))
            })
            .max_capacity(options.bytes_max)
            .time_to_live(options.age_max)
            .build();
        Self { meta, clock, secrets, issuer: None, known }
    }

    /// The same, taking an identity provider's tokens too.
    #[must_use]
    pub fn trusting(self, issuer: Option<Arc<Issuer>>) -> Self {
        Self { issuer, ..self }
    }

    /// The installation's seal.
    pub fn secrets(&self) -> &SecretBox {
        &self.secrets
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Finds who holds a long-lived access key.
    #[boxed]
    pub async fn key(&self, access_key_id: &str) -> Result<Arc<Known>, Unknown> {
        if access_key_id.is_empty() || access_key_id.len() > ACCESS_KEY_ID_BYTES_MAX {
            return Err(Unknown::Key);
        }
        let found = self.known.try_get_with_by_ref(access_key_id, async {
            let access = self.access(AccessBy::Key(access_key_id.to_owned())).await?;
            let credential = access.credential.as_ref().ok_or(Unknown::Key)?;
            let secret = self.secrets.open(access_key_id, &credential.secret)?;
            Ok(Arc::new(Known::new(access, access_key_id, Some(secret), Proof::Key)?))
        });
        found.await.map_err(|error: Arc<Unknown>| Unknown::clone(&error))
    }

    /// Finds whose a session's access key is; its secret is in the session token.
    #[boxed]
    pub async fn session_key(&self, access_key_id: &str, token: &str) -> Result<Arc<Known>, Unknown> {
        let (secret, claims) = SessionClaims::open(&self.secrets, access_key_id, token, self.now())?;
        self.session(&claims, access_key_id, Some(secret)).await
    }

    /// Finds whose a bearer token is: ours, or an identity provider's. Who holds it has proved to be them.
    #[boxed]
    pub async fn bearer(&self, token: &str) -> Result<Arc<Known>, Unknown> {
        if self.issuer.as_ref().is_some_and(|issuer| issuer.is_named_by(token)) {
            return Ok(self.identity(token).await?.0);
        }
        let claims = SessionClaims::verify(&self.secrets, token, self.now())?;
        let name = claims.key.clone().unwrap_or_default();
        self.session(&claims, &name, None).await
    }

    /// Finds whose an identity provider's token is. The first that is seen of somebody makes them a user here.
    #[boxed]
    pub async fn identity(&self, token: &str) -> Result<(Arc<Known>, Identity), Unknown> {
        let issuer = self.issuer.as_ref().ok_or(InvalidToken::Unknown)?;
        let identity = issuer.verify(token, self.now()).await?;
        // No name has a line's end, and no access key's id begins with one.
        let groups: Vec<_> = identity.groups.iter().map(GroupName::as_str).collect();
        let id = format!("\n{}\n{}\n\n{}", identity.issued_at.as_millis(), groups.join("\n"), identity.name);
        let found = self.known.try_get_with_by_ref(&id, async {
            let user = self.user_of_issuer(&identity.name).await?;
            self.end_sessions_by_the_right_clock(&user).await?;
            let (begun_at, groups) = (identity.issued_at, identity.groups.clone());
            let (user, sessions) = (user.id, Vec::new());
            let access = AccessBy::Session { user, sessions, key: None, begun_at, after: None, groups };
            Ok(Arc::new(Known::new(self.access(access).await?, "", None, Proof::Identity(&identity))?))
        });
        let known = found.await.map_err(|error: Arc<Unknown>| Unknown::clone(&error))?;
        Ok((known, identity))
    }

    /// Ends a user's sessions again that were ended by a clock that ran ahead: a provider's tokens say when they were
    /// issued, and nothing else tells whether they came after.
    async fn end_sessions_by_the_right_clock(&self, user: &User) -> Result<(), Unknown> {
        if user.sessions_since.is_none_or(|since| !since.is_too_far(self.now(), 0)) {
            return Ok(());
        }
        tracing::warn!(user = %user.name, "sessions were ended by a clock that ran ahead, and are ended again");
        let ended = self.meta.write(Command::EndSessions(EndSessions { user: user.name.clone() })).await;
        ended.and_then(|outcome| Ok(outcome.user()?)).map(drop).map_err(Unknown::Meta)
    }

    async fn user_of_issuer(&self, name: &UserName) -> Result<User, Unknown> {
        let find = async || self.meta.ask(GetUserByName { name: name.clone() }).await;
        match find().await {
            Ok(user) => return Ok(user),
            Err(MetaError::Refused(Refusal::UserNotFound(_))) => {}
            Err(error) => return Err(Unknown::Meta(error)),
        }
        let request = RequestId(rand::random());
        let command = Command::CreateUser(CreateUser {
            request,
            name: name.clone(),
            first_key: None,
            groups: Vec::new(),
            only_first: false,
        });
        match self.meta.write(command).await.map_err(Unknown::Meta)?.user() {
            Ok(user) => {
                tracing::info!(user = %name, "a user of the identity provider was made");
                Ok(user)
            }
            // Another server was faster.
            Err(Refusal::UserExists(_)) => find().await.map_err(Unknown::Meta),
            Err(refusal) => Err(Unknown::Meta(refusal.into())),
        }
    }

    /// The secret is the session's own and never changes, so it may be remembered with it.
    async fn session(
        &self,
        claims: &SessionClaims,
        access_key_id: &str,
        secret: Option<SecretString>,
    ) -> Result<Arc<Known>, Unknown> {
        // No access key's id has a slash.
        let id = format!("{}/{access_key_id}/{}", claims.jti, secret.is_some());
        let found = self.known.try_get_with_by_ref(&id, async {
            let access = self.access(claims.access_by()?).await?;
            Ok(Arc::new(Known::new(access, access_key_id, secret, Proof::Session(claims))?))
        });
        found.await.map_err(|error: Arc<Unknown>| Unknown::clone(&error))
    }

    /// Makes the caller anew who began work that goes on without them: by the policies as they are now, and for the rest
    /// as they were when they asked. That their session or key ended meanwhile ends no work; that they are gone does.
    #[boxed]
    pub async fn resumed(&self, user: UserId, was: &JobCaller) -> Result<Caller, Unknown> {
        let (begun_at, groups) = (Timestamp::from_millis(i64::MAX), was.groups.clone());
        let access = AccessBy::Session { user, sessions: Vec::new(), key: None, begun_at, after: None, groups };
        let known = Known::new(self.access(access).await?, &was.access_key_id, None, Proof::Work(was))?;
        Ok(Caller { at: was.at, ..self.caller(&known, was.address) })
    }

    async fn access(&self, by: AccessBy) -> Result<Access, Unknown> {
        match self.meta.ask(GetAccess { by }).await {
            Ok(access) => Ok(*access),
            Err(MetaError::Refused(Refusal::CredentialNotFound(_) | Refusal::UserNotFound(_))) => Err(Unknown::Key),
            Err(MetaError::Refused(Refusal::SessionEnded)) => Err(Unknown::Ended),
            Err(error) => Err(Unknown::Meta(error)),
        }
    }

    /// Makes the caller of one request, who has proved to be the one that is known.
    pub fn caller(&self, known: &Known, address: Option<IpAddr>) -> Caller {
        Caller {
            user: known.user.clone(),
            access_key_id: known.access_key_id.clone(),
            session: known.session,
            groups: known.groups.clone(),
            address,
            at: self.now(),
            permissions: Arc::clone(&known.permissions),
            narrowed: known.narrowed.clone(),
            trail: None,
        }
    }
}

/// By what somebody is known.
#[derive(Clone, Copy)]
enum Proof<'a> {
    Key,
    Session(&'a SessionClaims),
    Identity(&'a Identity),
    /// It was proved when the work was begun.
    Work(&'a JobCaller),
}

impl Known {
    fn new(
        access: Access,
        access_key_id: &str,
        secret: Option<SecretString>,
        proof: Proof<'_>,
    ) -> Result<Self, Unknown> {
        let (session, groups, narrowed) = match proof {
            Proof::Key => (None, &[][..], None),
            Proof::Session(claims) => (Some(claims.id()?), &claims.groups[..], claims.policy.as_deref()),
            Proof::Identity(identity) => (None, &identity.groups[..], None),
            Proof::Work(was) => (was.session, &was.groups[..], was.narrowed.as_deref()),
        };
        let unreadable = |error: crate::InvalidPolicy| Unknown::Unreadable(error.to_string());
        let name = &access.user.name;
        let permissions = Permissions::of_policies(name, &access.policies).map_err(unreadable)?;
        let narrowed = narrowed.map(|text| Narrowed::parse(name, text));
        let bytes = access.policies.iter().map(|policy| policy.document.len()).sum::<usize>();
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            session,
            groups: groups.to_vec(),
            permissions: Arc::new(permissions),
            narrowed: narrowed.transpose().map_err(unreadable)?.map(Arc::new),
            secret,
            // Compiled, a document takes a few times its text.
            weight: u32::try_from(CALLER_BYTES + 4 * bytes).unwrap_or(u32::MAX),
            user: access.user,
        })
    }

    /// What they must prove to hold; a bearer has proved it.
    pub fn secret(&self) -> Option<&SecretString> {
        self.secret.as_ref()
    }
}
