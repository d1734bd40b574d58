//! The keys under which an identity provider signs, as it publishes them (OpenID Connect Discovery 1.0, RFC 7517). Owns
//! when they are asked for and how long they count; leaves HTTP to a [`Documents`]. Invariant: whatever tokens come, the
//! provider is asked at most once in [`ASK_AGAIN_AFTER`], and a key is used with the algorithms of its own kind alone.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use model::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;

/// How often the provider is asked at most, whether it answers or not.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// After how long keys are asked for again though they do.
const FRESH_FOR: Duration = Duration::from_secs(60 * 60);
/// How long keys count while the provider doesn't answer.
const COUNT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How many keys of a provider are looked at.
const KEYS_MAX: usize = 100;

/// Gets documents over HTTP, within bounds of its own on time and size.
#[async_trait]
pub trait Documents: Send + Sync + 'static {
    /// Gets a JSON document; the error says what went wrong, for the operator.
    async fn get(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// The keys of one provider.
pub(crate) struct IssuerKeys {
    issuer: String,
    documents: Arc<dyn Documents>,
    kept: RwLock<Kept>,
    /// Held by the one who asks.
    asking: Mutex<()>,
}

#[derive(Default, Clone)]
struct Kept {
    keys: Arc<Vec<Key>>,
    /// When the provider gave them.
    given_at: Option<Timestamp>,
    /// When it was asked last.
    asked_at: Option<Timestamp>,
}

/// One key, and what it may be used with.
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why no key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The provider has no such key for such an algorithm.
    Unknown,
    /// The provider doesn't say which keys it has.
    Unavailable(String),
}

/// What a provider says of itself.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// The keys as they come; one that can't be read is left out, since others may be of kinds that come later.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl IssuerKeys {
    pub(crate) fn new(issuer: String, documents: Arc<dyn Documents>) -> Self {
        Self { issuer, documents, kept: RwLock::default(), asking: Mutex::default() }
    }

    /// Has `use_it` use the key that a token names, or the only one there is for its algorithm if it names none.
    pub(crate) async fn with_key<T>(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
        use_it: impl Fn(&DecodingKey) -> T,
    ) -> Result<T, NoKey> {
        let kept = self.kept();
        if kept.is_within(FRESH_FOR, now)
            && let Some(key) = kept.find(id, algorithm)
        {
            return Ok(use_it(key));
        }
        let failure = self.ask(now).await.err();
        let kept = self.kept();
        match kept.find(id, algorithm).filter(|_| kept.is_within(COUNT_FOR, now)) {
            Some(key) => Ok(use_it(key)),
            None if kept.is_within(COUNT_FOR, now) => Err(NoKey::Unknown),
            None => Err(NoKey::Unavailable(failure.unwrap_or_else(|| "it didn't answer a moment ago".to_owned()))),
        }
    }

    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the provider, unless it was asked a moment ago. Who comes meanwhile waits for the answer.
    async fn ask(&self, now: Timestamp) -> Result<(), String> {
        let _asking = self.asking.lock().await;
        if self.kept().was_asked_within(ASK_AGAIN_AFTER, now) {
            return Ok(());
        }
        let asked = self.fetch().await;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.asked_at = Some(now);
        match asked {
            Ok(keys) => {
                tracing::info!(issuer = self.issuer, keys = keys.len(), "the identity provider told its keys");
                (kept.keys, kept.given_at) = (Arc::new(keys), Some(now));
                Ok(())
            }
            Err(why) => {
                tracing::error!(issuer = self.issuer, why, "the identity provider doesn't tell its keys");
                Err(why)
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let unreadable = |url: &str, error: serde_json::Error| format!("{url} can't be read: {error}");
        let configuration: Configuration =
            serde_json::from_slice(&self.documents.get(&url).await?).map_err(|error| unreadable(&url, error))?;
        if configuration.issuer != self.issuer {
            return Err(format!("{url} is of another issuer, {:?}: its name must be the same", configuration.issuer));
        }
        let url = configuration.jwks_uri;
        let set: KeySet =
            serde_json::from_slice(&self.documents.get(&url).await?).map_err(|error| unreadable(&url, error))?;
        let keys: Vec<_> = set.keys.into_iter().take(KEYS_MAX).filter_map(Key::read).collect();
        if keys.is_empty() { Err(format!("{url} has no key that signatures can be verified with")) } else { Ok(keys) }
    }
}

impl Kept {
    fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.given_at.is_some_and(|at| is_within(at, age, now))
    }

    fn was_asked_within(&self, age: Duration, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|at| is_within(at, age, now))
    }

    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits = |key: &&Key| key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id);
        let mut found = self.keys.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Some(&key.key),
            _ => None,
        }
    }
}

/// A moment that a clock told which ran ahead is within nothing.
fn is_within(at: Timestamp, age: Duration, now: Timestamp) -> bool {
    if at.is_too_far(now, 0) {
        return false;
    }
    let passed = u64::try_from(now.as_millis().saturating_sub(at.as_millis())).unwrap_or(0);
    u128::from(passed) < age.as_millis()
}

impl Key {
    /// Reads a key. `None` if it isn't for signatures, or of a kind whose holder could sign too: a secret.
    fn read(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|used_for| *used_for != PublicKeyUse::Signature) {
            return None;
        }
        let possible: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &RSA,
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
            _ => return None,
        };
        let algorithms = match jwk.common.key_algorithm {
            Some(named) => vec![Algorithm::try_from(named).ok().filter(|only| possible.contains(only))?],
            None => possible.to_vec(),
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
