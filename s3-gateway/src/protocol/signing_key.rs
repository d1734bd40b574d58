//! Signing keys of signature version 4: derived from a secret for one day and region, and kept for the next request.
//! Leaves secrets to the caller's lookup. Invariant: a kept key serves only the secret that it was derived from, so a
//! key that was taken away or replaced stops working at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::signature_v4::Service;

/// The most signing keys kept.
const KEYS_MAX: usize = 1024;

/// A key that signs requests of one day, region and service.
#[derive(Debug)]
pub(crate) struct SigningKey(SecretBox<[u8; 32]>);

impl Clone for SigningKey {
    fn clone(&self) -> Self {
        Self(SecretBox::new(Box::new(*self.0.expose_secret())))
    }
}

impl SigningKey {
    /// Derives the key for a day (`20261120`), region and service.
    pub(crate) fn derive(secret: &SecretString, day: &str, region: &str, service: Service) -> Self {
        let first = format!("AWS4{}", secret.expose_secret());
        let mut key = hmac_sha256(first.as_bytes(), day.as_bytes());
        for message in [region, service.as_str(), "aws4_request"] {
            key = hmac_sha256(&key, message.as_bytes());
        }
        Self(SecretBox::new(Box::new(key)))
    }

    /// Signs a string; lower-case hex.
    pub(crate) fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(hmac_sha256(self.0.expose_secret(), string_to_sign.as_bytes()))
    }

    /// Whether a signature in lower-case hex is right; takes as long for any wrong one.
    pub(crate) fn verifies(&self, string_to_sign: &str, signature: &str) -> bool {
        self.sign(string_to_sign).as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("because HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Signing keys of S3 that verified a request before.
#[derive(Debug, Default)]
pub(crate) struct SigningKeys {
    kept: Mutex<HashMap<Scope, Kept>>,
}

/// Access key id, day and region.
type Scope = (String, String, String);

#[derive(Debug)]
struct Kept {
    secret: SecretString,
    key: SigningKey,
}

impl SigningKeys {
    /// The key of a secret, kept or derived.
    pub(crate) fn get(&self, access_key_id: &str, secret: &SecretString, day: &str, region: &str) -> SigningKey {
        let scope = (access_key_id.to_owned(), day.to_owned(), region.to_owned());
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&scope) {
            Some(found) if same(&found.secret, secret) => found.key.clone(),
            _ => {
                drop(kept);
                SigningKey::derive(secret, day, region, Service::S3)
            }
        }
    }

    /// Keeps a key whose signature was right; others would let strangers fill the cache. When it is full it starts
    /// over: deriving a key again costs four HMACs.
    pub(crate) fn keep(&self, access_key_id: &str, secret: &SecretString, day: &str, region: &str, key: &SigningKey) {
        let scope = (access_key_id.to_owned(), day.to_owned(), region.to_owned());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&scope).is_some_and(|found| same(&found.secret, secret)) {
            return;
        }
        if kept.len() >= KEYS_MAX {
            kept.clear();
        }
        kept.insert(scope, Kept { secret: secret.clone(), key: key.clone() });
    }
}

fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret().as_bytes().ct_eq(b.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's documentation, "Deriving the signing key", has this key for IAM; the S3 one is checked by the examples of
    /// whole requests.
    #[test]
    fn a_replaced_secret_does_not_use_the_kept_key() {
        let keys = SigningKeys::default();
        let (old, new) = (SecretString::from("old"), SecretString::from("new"));
        let first = keys.get("AK", &old, "20261120", "r");
        keys.keep("AK", &old, "20261120", "r", &first);
        assert!(keys.get("AK", &old, "20261120", "r").verifies("x", &first.sign("x")));
        assert!(!keys.get("AK", &new, "20261120", "r").verifies("x", &first.sign("x")));
        let second = keys.get("AK", &new, "20261120", "r");
        keys.keep("AK", &new, "20261120", "r", &second);
        assert!(!keys.get("AK", &old, "20261120", "r").verifies("x", &second.sign("x")));
    }

    #[test]
    fn the_cache_is_bounded() {
        let keys = SigningKeys::default();
        let secret = SecretString::from("s");
        let key = SigningKey::derive(&secret, "20261120", "r", Service::S3);
        for i in 0..3 * KEYS_MAX {
            keys.keep("AK", &secret, "20261120", &i.to_string(), &key);
        }
        assert!(keys.kept.lock().unwrap().len() <= KEYS_MAX);
    }
}
