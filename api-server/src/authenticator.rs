//! Finds out who calls from `authorization: Basic base64(access key id:secret access key)`. Owns the remembering of
//! keys; leaves what callers may do to `auth::authorize`. Invariant: a wrong key and an unknown one look the same.

use std::sync::Arc;

use auth::{ACCESS_KEY_ID_BYTES_MAX, Caller, SECRET_ACCESS_KEY_BYTES_MAX, SecretBox, secrets_match};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graveler::Graveler;
use http::HeaderValue;
use model::{MetaError, Query, Refusal, User};
use moka::future::Cache;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::Error;
use crate::api_server::ApiServerOptions;

/// Base64 of the longest id and secret, with what stands around them.
const HEADER_BYTES_MAX: usize = 16 + (ACCESS_KEY_ID_BYTES_MAX + SECRET_ACCESS_KEY_BYTES_MAX + 1) * 4 / 3 + 4;

/// Verifies credentials.
pub(crate) struct Authenticator {
    graveler: Graveler,
    secrets: SecretBox,
    /// Keys that were found lately. What isn't found isn't remembered, so a new key works at once.
    known: Cache<String, Arc<KnownKey>>,
}

struct KnownKey {
    user: User,
    secret: SecretString,
}

impl Authenticator {
    pub(crate) fn new(graveler: Graveler, secrets: SecretBox, options: ApiServerOptions) -> Self {
        let ApiServerOptions { cached_credentials_max, cached_credentials_age_max, .. } = options;
        let known =
            Cache::builder().max_capacity(cached_credentials_max).time_to_live(cached_credentials_age_max).build();
        Self { graveler, secrets, known }
    }

    /// Verifies the `authorization` header of a request.
    pub(crate) async fn authenticate(&self, header: Option<&HeaderValue>) -> Result<Caller, Error> {
        let header = header.ok_or(Error::Unauthenticated("no credentials: send an access key and its secret"))?;
        let (access_key_id, offered) = parse_basic(header).ok_or(Error::Unauthenticated(
            "malformed credentials: send Basic base64(access key id:secret access key)",
        ))?;
        match self.key(&access_key_id).await? {
            Some(key) if secrets_match(&key.secret, &offered) => Ok(Caller { user: key.user.clone(), access_key_id }),
            _ => Err(Error::Unauthenticated(
                "wrong access key or secret: check LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY",
            )),
        }
    }

    /// Finds a key, asking the metadata service once however many calls wait for it.
    async fn key(&self, access_key_id: &str) -> Result<Option<Arc<KnownKey>>, Error> {
        let found = self.known.try_get_with_by_ref(access_key_id, self.fetch(access_key_id)).await;
        match found {
            Ok(key) => Ok(Some(key)),
            Err(failure) => match &*failure {
                FetchError::Meta(MetaError::Refused(Refusal::CredentialNotFound(_))) => Ok(None),
                FetchError::Meta(error) => Err(error.clone().into()),
                FetchError::Sealed(error) => Err(error.clone().into()),
            },
        }
    }

    async fn fetch(&self, access_key_id: &str) -> Result<Arc<KnownKey>, FetchError> {
        let query = Query::Credential { access_key_id: access_key_id.to_owned() };
        let answer = self.graveler.meta().read(query).await.map_err(FetchError::Meta)?;
        let (credential, user) = answer.credential().map_err(|refusal| FetchError::Meta(refusal.into()))?;
        let secret = self.secrets.open(access_key_id, &credential.secret).map_err(FetchError::Sealed)?;
        Ok(Arc::new(KnownKey { user, secret }))
    }
}

enum FetchError {
    Meta(MetaError),
    Sealed(auth::OpenError),
}

fn parse_basic(header: &HeaderValue) -> Option<(String, SecretString)> {
    if header.len() > HEADER_BYTES_MAX {
        return None;
    }
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.into()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn basic_credentials_are_split_at_the_first_colon() {
        let (id, secret) = parse_basic(&header(&format!("basic {}", STANDARD.encode("AK:a:b")))).unwrap();
        assert_eq!((id.as_str(), secret.expose_secret()), ("AK", "a:b"));
    }

    #[test]
    fn anything_else_is_no_credentials() {
        let long = format!("Basic {}", STANDARD.encode("x".repeat(1000) + ":y"));
        for bad in ["", "Basic", "Basic !!!", "Bearer abc", &format!("Basic {}", STANDARD.encode("nocolon")), &long] {
            assert!(parse_basic(&header(bad)).is_none(), "{bad}");
        }
    }
}
