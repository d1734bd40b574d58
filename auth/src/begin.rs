//! Begins sessions. Owns their bounds and whose they are; the endpoints only translate. Invariant: a session may at most what
//! its user may, ends with the key or session that began it, and begins no other if it is narrowed.

use model::Timestamp;
use secrecy::SecretString;
use thiserror::Error;

use crate::session::{NARROWING_BYTES_MAX, SESSION_SECONDS_DEFAULT, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN};
use crate::{Caller, Directory, PolicyDocument, SessionClaims, generate_session_credentials};

/// A session with its keys, told this once.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The public half of its key.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: SecretString,
    /// Goes with the key, for signatures and calls.
    pub session_token: SecretString,
    /// A proof by itself.
    pub bearer_token: SecretString,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Why a session can't be begun. For the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CannotBegin {
    /// A narrowed session would lend itself out.
    #[error("a narrowed session begins no other: use the access key that began it")]
    Narrowed,
    /// Too short or too long.
    #[error("{0} seconds isn't from {SESSION_SECONDS_MIN} (15 minutes) to {SESSION_SECONDS_MAX} (12 hours)")]
    Length(u64),
    /// The policy travels with every request.
    #[error("the policy has {0} bytes, and travels with every request: the most is {NARROWING_BYTES_MAX}")]
    Policy(usize),
}

/// Begins a session of a caller's: an hour long if not said, and narrowed if a policy is given.
pub fn begin_session(
    directory: &Directory,
    caller: &Caller,
    seconds: Option<u64>,
    policy: Option<&PolicyDocument>,
) -> Result<Begun, CannotBegin> {
    caller.changes_own();
    if caller.narrowed.is_some() {
        return Err(CannotBegin::Narrowed);
    }
    let seconds = seconds.unwrap_or(SESSION_SECONDS_DEFAULT);
    if !(SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
        return Err(CannotBegin::Length(seconds));
    }
    let policy = policy.map(PolicyDocument::to_text);
    if let Some(long) = policy.as_ref().map(String::len).filter(|bytes| *bytes > NARROWING_BYTES_MAX) {
        return Err(CannotBegin::Policy(long));
    }
    let claims = SessionClaims {
        // Who shows an identity provider's token has no key.
        key: Some(caller.access_key_id.clone()).filter(|key| caller.session.is_none() && !key.is_empty()),
        groups: caller.groups.clone(),
        after_ms: caller.user.sessions_since.map(Timestamp::as_millis),
        parent: caller.session.map(|session| session.to_string()),
        policy,
        ..SessionClaims::new(caller.user.id, directory.now(), seconds)
    };
    let keys = generate_session_credentials();
    let narrowed = claims.policy.is_some();
    tracing::info!(user = %caller.user.name, session = claims.jti, seconds, narrowed, "session begun");
    Ok(Begun {
        session_token: claims.seal(directory.secrets(), &keys.access_key_id, &keys.secret_access_key).into(),
        bearer_token: claims.sign(directory.secrets()),
        expires_at: claims.expires(),
        access_key_id: keys.access_key_id,
        secret_access_key: keys.secret_access_key,
    })
}
