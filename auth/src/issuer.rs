//! An identity provider whose tokens are taken (OpenID Connect, RFC 9068). Owns what a token must say and whom it makes:
//! a user of a name of their own, in the groups that the operator maps. Leaves its keys to `issuer_keys`.
//! Invariant: nothing that a token says is looked at before its signature was verified, but which issuer and key it names.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use model::{GroupName, Timestamp, UserName};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Unknown;
use crate::issuer_keys::{Documents, IssuerKeys, NoKey};
use crate::jwt_crypto;
use crate::session::InvalidToken;

/// The longest token that is read: those of users in many groups are long.
const TOKEN_BYTES_MAX: usize = 12 << 10;

/// How far the provider's clock may be ahead of ours, in seconds.
const SKEW_SECONDS_MAX: i64 = 60;

/// In how many groups a token may be: they travel in the session tokens that it is exchanged for.
const GROUPS_MAX: usize = 16;

/// What the names of a provider's users begin with: none of them is a user that was made here by chance.
pub const ISSUER_USER_PREFIX: &str = "oidc:";

/// Algorithms that verify with a public key. What isn't here can't be asked for.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Which provider is trusted, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// Its URL, exactly as it stands in tokens.
    pub url: String,
    /// Whom tokens must be meant for: one of these.
    pub audiences: Vec<String>,
    /// Which claim names the user: `sub`, which is theirs for ever, or a readable one that the provider vouches for.
    pub name_claim: String,
    /// Which claim holds their groups; dots lead into objects, as in `realm_access.roles`.
    pub groups_claim: String,
    /// Which value of that claim is which group here; `*` is any token's.
    pub groups: Vec<(String, GroupName)>,
}

/// A provider.
pub struct Issuer {
    settings: IssuerSettings,
    keys: IssuerKeys,
}

/// Whom a token makes its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Their name here.
    pub name: UserName,
    /// The provider.
    pub issuer: String,
    /// Their name there.
    pub subject: String,
    /// For whom the token is.
    pub audience: String,
    /// The groups that they are in as long as it lasts, in the order of their names.
    pub groups: Vec<GroupName>,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// What every token must say.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    email_verified: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.settings.url)
    }
}

impl Issuer {
    /// Trusts a provider; it is asked for its keys with the first token.
    pub fn new(settings: IssuerSettings, documents: Arc<dyn Documents>) -> Self {
        Self { keys: IssuerKeys::new(settings.url.clone(), documents), settings }
    }

    /// The provider's URL.
    pub fn url(&self) -> &str {
        &self.settings.url
    }

    /// Whether a token says that it is this provider's.
    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        let body = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
        let body = body.and_then(|body| URL_SAFE_NO_PAD.decode(body).ok());
        let named = body.and_then(|body| serde_json::from_slice::<Named>(&body).ok());
        named.is_some_and(|named| named.iss == self.settings.url)
    }

    /// Verifies a token.
    pub(crate) async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, Unknown> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::Unknown.into());
        }
        jwt_crypto::install();
        let header = decode_header(token).map_err(|_| InvalidToken::Unknown)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(InvalidToken::Unknown.into());
        }
        let mut rules = Validation::new(header.alg);
        // What it says is judged below, by our own clock, and by its type: a date that isn't a number is no date.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        let key = self.keys.with_key(header.kid.as_deref(), header.alg, now, |key| {
            decode::<Claims>(token, key, &rules).map_err(|_| InvalidToken::Unknown)
        });
        let read = match key.await {
            Ok(read) => read?,
            Err(NoKey::Unknown) => return Err(InvalidToken::Unknown.into()),
            Err(NoKey::Unavailable(why)) => return Err(Unknown::Issuer(why)),
        };
        Ok(self.judge(read.claims, now)?)
    }

    /// Judges what a token says, whose signature was verified.
    fn judge(&self, claims: Claims, now: Timestamp) -> Result<Identity, InvalidToken> {
        if claims.iss != self.settings.url || claims.sub.is_empty() {
            return Err(InvalidToken::Unknown);
        }
        let audience = self.audience(&claims.aud).ok_or(InvalidToken::Audience)?;
        let (issued_at, skew) = (seconds(claims.iat), SKEW_SECONDS_MAX * 1000);
        let begins = claims.nbf.map_or(issued_at, |nbf| seconds(nbf).max(issued_at));
        if now.as_millis() >= seconds(claims.exp) {
            return Err(InvalidToken::Expired);
        }
        if now.as_millis() < begins.saturating_sub(skew) {
            return Err(InvalidToken::NotYet);
        }
        Ok(Identity {
            name: self.name(&claims)?,
            audience,
            groups: self.groups(&claims)?,
            issued_at: Timestamp::from_millis(issued_at),
            issuer: claims.iss,
            subject: claims.sub,
        })
    }

    fn audience(&self, named: &Audience) -> Option<String> {
        let named = match named {
            Audience::One(one) => std::slice::from_ref(one),
            Audience::Several(several) => several,
        };
        named.iter().find(|named| self.settings.audiences.contains(named)).cloned()
    }

    fn name(&self, claims: &Claims) -> Result<UserName, InvalidToken> {
        let named = match self.settings.name_claim.as_str() {
            "sub" => Some(claims.sub.as_str()),
            // Who may write any address into their profile would be anybody.
            "email" if claims.email_verified != Some(Value::Bool(true)) => None,
            claim => find(&claims.others, claim).and_then(Value::as_str),
        };
        let named = named.filter(|name| !name.is_empty()).ok_or(InvalidToken::Name)?;
        format!("{ISSUER_USER_PREFIX}{named}").parse().map_err(|_| InvalidToken::Name)
    }

    /// The groups here that the claim's values are mapped to.
    fn groups(&self, claims: &Claims) -> Result<Vec<GroupName>, InvalidToken> {
        let claimed: Vec<&str> = match find(&claims.others, &self.settings.groups_claim) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one],
            _ => Vec::new(),
        };
        let mapped = self.settings.groups.iter().filter(|(value, _)| value == "*" || claimed.contains(&value.as_str()));
        let mut groups: Vec<_> = mapped.map(|(_, group)| group.clone()).collect();
        groups.sort();
        groups.dedup();
        if groups.len() > GROUPS_MAX { Err(InvalidToken::Groups) } else { Ok(groups) }
    }
}

/// A date of a token (RFC 7519: seconds, perhaps with a fraction) in milliseconds; one that is out of reach, at its edge.
fn seconds(date: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    let millis = (date * 1000.0) as i64;
    millis
}

/// Finds a claim by its name, or by the names that lead to it.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests;
