//! Sessions: short-lived proofs of who calls, in two forms. Owns what they say and how they are sealed and signed;
//! whether one was ended meanwhile is `directory`'s to ask. Invariant: neither form proves anything without the
//! installation's key, and one form never passes for the other.
//!
//! - A *session token* goes with an access key of its own, for signatures: the claims and the secret, encrypted as a
//!   [`SecretBox`] does, for that access key's id. It travels in pre-signed URLs, so it proves nothing by itself.
//! - A *bearer token* is a JWT, signed with HMAC-SHA-256 under a key derived from the installation's: who holds it is
//!   the caller.
//!
//! Both are stateless; docs/design/0007-sessions.md says why, and how they end.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::{AccessBy, GroupName, SealedSecret, SessionId, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{SecretBox, jwt_crypto};

/// The shortest and the longest session, and one that nobody chose the length of, in seconds.
pub const SESSION_SECONDS_MIN: u64 = 15 * 60;
/// See [`SESSION_SECONDS_MIN`].
pub const SESSION_SECONDS_MAX: u64 = 12 * 60 * 60;
/// See [`SESSION_SECONDS_MIN`].
pub const SESSION_SECONDS_DEFAULT: u64 = 60 * 60;

/// How long a policy that narrows a session may be: it travels with every request. AWS's bound.
pub const NARROWING_BYTES_MAX: usize = 2048;

/// The longest token that is read.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Who made the bearer tokens that are taken here, and for whom.
const ISSUER: &str = "lakebed";

/// What a session says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClaims {
    /// The user's id.
    pub sub: String,
    /// Who made it.
    pub iss: String,
    /// The session's id.
    pub jti: String,
    /// When it began, in seconds since 1970…
    pub iat: i64,
    /// …and to the millisecond.
    pub begun_ms: i64,
    /// When it ends by itself, in seconds.
    pub exp: i64,
    /// The last end of all the user's sessions that it was begun after, in milliseconds: clocks needn't agree on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<i64>,
    /// The session that began it, if one did: it ends with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The access key that began it, if one did: it ends with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it was narrowed to: a policy document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The groups that it is in besides its user's own, as their identity provider had it when it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
}

/// What a session token holds.
#[derive(Serialize, Deserialize)]
struct Sealed {
    secret: String,
    claims: SessionClaims,
}

/// Why a token can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.message())]
pub enum InvalidToken {
    /// Not ours, changed, or another key's.
    Unknown,
    /// Its time is over.
    Expired,
    /// An identity provider's, for somebody else.
    Audience,
    /// One whose time hasn't come.
    NotYet,
    /// An identity provider's that doesn't name its holder.
    Name,
    /// An identity provider's of somebody who is in too many groups.
    Groups,
}

impl InvalidToken {
    /// What its holder is told.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unknown => "the token isn't one of this installation's: log in again",
            Self::Expired => "the session has expired: log in again",
            Self::Audience => "the token is meant for others: ask the identity provider for one for this installation",
            Self::NotYet => "the token isn't valid yet: wait, or set the clocks",
            Self::Name => "the token doesn't say who its holder is, in the claim that oidc_name_claim names",
            Self::Groups => "the token's holder is in more than 16 of this installation's groups: map fewer",
        }
    }
}

impl SessionClaims {
    /// Begins a session.
    pub fn new(user: UserId, now: Timestamp, seconds: u64) -> Self {
        let begun = now.as_millis().div_euclid(1000);
        Self {
            sub: user.to_string(),
            iss: ISSUER.to_owned(),
            jti: SessionId(crate::credentials::random_id()).to_string(),
            iat: begun,
            begun_ms: now.as_millis(),
            exp: begun.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)),
            after_ms: None,
            parent: None,
            key: None,
            policy: None,
            groups: Vec::new(),
        }
    }

    /// The session's id.
    pub fn id(&self) -> Result<SessionId, InvalidToken> {
        self.jti.parse().map_err(|_| InvalidToken::Unknown)
    }

    /// When it ends by itself.
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }

    /// How to ask whether it has been ended.
    pub fn access_by(&self) -> Result<AccessBy, InvalidToken> {
        let user = self.sub.parse().map(UserId).map_err(|_| InvalidToken::Unknown)?;
        let mut sessions = vec![self.id()?];
        if let Some(parent) = &self.parent {
            sessions.push(parent.parse().map_err(|_| InvalidToken::Unknown)?);
        }
        let begun_at = Timestamp::from_millis(self.begun_ms);
        let (after, key, groups) = (self.after_ms.map(Timestamp::from_millis), self.key.clone(), self.groups.clone());
        Ok(AccessBy::Session { user, sessions, key, begun_at, after, groups })
    }

    /// Makes the session token for an access key of its own.
    pub fn seal(&self, secrets: &SecretBox, access_key_id: &str, secret: &SecretString) -> String {
        let sealed = Sealed { secret: secret.expose_secret().to_owned(), claims: self.clone() };
        let text = serde_json::to_string(&sealed).expect("because it has texts and numbers only");
        URL_SAFE_NO_PAD.encode(secrets.seal(&purpose(access_key_id), &text.into()).0)
    }

    /// Reads a session token of an access key. → the key's secret, and the claims
    pub fn open(
        secrets: &SecretBox,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<(SecretString, Self), InvalidToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::Unknown);
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken::Unknown)?;
        let text = secrets.open(&purpose(access_key_id), &SealedSecret(sealed)).map_err(|_| InvalidToken::Unknown)?;
        let opened: Sealed = serde_json::from_str(text.expose_secret()).map_err(|_| InvalidToken::Unknown)?;
        let claims = opened.claims.checked(now)?;
        Ok((opened.secret.into(), claims))
    }

    /// Makes the bearer token.
    pub fn sign(&self, secrets: &SecretBox) -> SecretString {
        jwt_crypto::install();
        let key = EncodingKey::from_secret(secrets.derived(BEARER).as_slice()).expect("because the key isn't empty");
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), self, &key);
        token.expect("because claims have texts and numbers only").into()
    }

    /// Reads a bearer token.
    pub fn verify(secrets: &SecretBox, token: &str, now: Timestamp) -> Result<Self, InvalidToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::Unknown);
        }
        jwt_crypto::install();
        let key = DecodingKey::from_secret(secrets.derived(BEARER).as_slice()).expect("because the key isn't empty");
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        // Judged below, by our own clock.
        rules.validate_exp = false;
        let read = jsonwebtoken::decode::<Self>(token, &key, &rules).map_err(|_| InvalidToken::Unknown)?;
        read.claims.checked(now)
    }

    /// Refuses one whose time is over, or that a clock began which ran ahead: it would last for as long again.
    fn checked(self, now: Timestamp) -> Result<Self, InvalidToken> {
        if now >= self.expires() {
            return Err(InvalidToken::Expired);
        }
        match Timestamp::from_millis(self.iat.saturating_mul(1000)).is_too_far(now, 0) {
            true => Err(InvalidToken::NotYet),
            false => Ok(self),
        }
    }
}

const BEARER: &str = "lakebed 2026-11 bearer tokens";

/// No access key's id has a slash, so a token never opens as a stored secret, nor one of those as a token.
fn purpose(access_key_id: &str) -> String {
    format!("session/{access_key_id}")
}

#[cfg(test)]
mod tests {
    use ring::hmac;

    use super::*;

    fn now() -> Timestamp {
        later(0)
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_123 + seconds * 1000)
    }

    fn claims() -> SessionClaims {
        let claims = SessionClaims::new(UserId(7), now(), 900);
        SessionClaims { key: Some("AKLB1".into()), policy: Some("{}".into()), ..claims }
    }

    #[test]
    fn tokens_come_back_until_they_expire() {
        let (secrets, claims) = (SecretBox::new(&[7; 32]), claims());
        let token = claims.seal(&secrets, "ASLB1", &"s3cret".into());
        let (secret, opened) = SessionClaims::open(&secrets, "ASLB1", &token, later(899)).unwrap();
        assert_eq!((secret.expose_secret(), &opened), ("s3cret", &claims));
        assert_eq!(SessionClaims::open(&secrets, "ASLB1", &token, later(900)).unwrap_err(), InvalidToken::Expired);
        let bearer = claims.sign(&secrets);
        assert_eq!(SessionClaims::verify(&secrets, bearer.expose_secret(), later(899)), Ok(claims));
        let late = SessionClaims::verify(&secrets, bearer.expose_secret(), later(900));
        assert_eq!(late, Err(InvalidToken::Expired));
    }

    #[test]
    fn a_session_that_a_clock_began_which_ran_ahead_counts_for_nothing() {
        let (secrets, claims) = (SecretBox::new(&[7; 32]), claims());
        let verify = |at: i64| SessionClaims::verify(&secrets, claims.sign(&secrets).expose_secret(), later(at));
        assert!(verify(-60).is_ok(), "clocks of two machines are a little apart");
        assert_eq!(verify(-61), Err(InvalidToken::NotYet));
        let token = claims.seal(&secrets, "ASLB1", &"s3cret".into());
        let opened = SessionClaims::open(&secrets, "ASLB1", &token, later(-86_400)).map(|_| ());
        assert_eq!(opened, Err(InvalidToken::NotYet));
    }

    #[test]
    fn another_installation_s_another_key_s_or_a_changed_token_is_none() {
        let (secrets, other) = (SecretBox::new(&[7; 32]), SecretBox::new(&[8; 32]));
        let token = claims().seal(&secrets, "ASLB1", &"s3cret".into());
        let unknown = Err(InvalidToken::Unknown);
        assert_eq!(SessionClaims::open(&other, "ASLB1", &token, now()).map(|_| ()), unknown);
        assert_eq!(SessionClaims::open(&secrets, "ASLB2", &token, now()).map(|_| ()), unknown);
        assert_eq!(SessionClaims::open(&secrets, "ASLB1", &token[1..], now()).map(|_| ()), unknown);
        let bearer = claims().sign(&secrets);
        assert!(SessionClaims::verify(&other, bearer.expose_secret(), now()).is_err());
        assert!(SessionClaims::verify(&secrets, &token, now()).is_err());
        assert!(SessionClaims::open(&secrets, "ASLB1", bearer.expose_secret(), now()).is_err());
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        let secrets = SecretBox::new(&[7; 32]);
        let bearer = claims().sign(&secrets);
        let body = bearer.expose_secret().split('.').nth(1).unwrap();
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        assert!(SessionClaims::verify(&secrets, &none, now()).is_err());
        let head = format!("{}.{body}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#));
        let key = hmac::Key::new(hmac::HMAC_SHA512, secrets.derived(BEARER).as_slice());
        let longer = format!("{head}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, head.as_bytes())));
        assert!(SessionClaims::verify(&secrets, &longer, now()).is_err(), "even under the right key");
        let foreign = SessionClaims { iss: "somebody".into(), ..claims() };
        assert!(SessionClaims::verify(&secrets, foreign.sign(&secrets).expose_secret(), now()).is_err());
    }
}
