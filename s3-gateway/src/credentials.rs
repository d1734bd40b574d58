//! Who holds which access key. Owns the short-lived cache of opened secrets; leaves keeping keys to the metadata
//! service and sealing to `auth`. Invariant: a key that was deleted stops working within [`CACHE_TTL`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use auth::{ACCESS_KEY_ID_BYTES_MAX, Caller, SecretBox};
use graveler::Graveler;
use model::{MetaError, Query, Refusal, User};
use moka::future::Cache;
use secrecy::SecretString;

use crate::error_table::Failure;
use crate::protocol::receive::KeyLookup;
use crate::protocol::{ErrorCode, S3Error};

/// How long an opened key is trusted without asking again.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// How many opened keys are kept.
const CACHED_KEYS_MAX: u64 = 1024;

/// An access key, opened.
#[derive(Clone)]
struct OpenedKey {
    secret: SecretString,
    user: User,
}

/// Finds access keys and opens their secrets.
pub(crate) struct Credentials {
    graveler: Graveler,
    secret_box: SecretBox,
    cache: Cache<String, Arc<OpenedKey>>,
}

impl Credentials {
    /// Makes a finder with an empty cache.
    pub(crate) fn new(graveler: Graveler, secret_box: SecretBox) -> Self {
        let cache = Cache::builder().max_capacity(CACHED_KEYS_MAX).time_to_live(CACHE_TTL).build();
        Self { graveler, secret_box, cache }
    }

    /// Finds a key. Unknown ones aren't cached, so that a new key works at once.
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<OpenedKey>>, S3Error> {
        if access_key_id.is_empty() || access_key_id.len() > ACCESS_KEY_ID_BYTES_MAX {
            return Ok(None);
        }
        if let Some(key) = self.cache.get(access_key_id).await {
            return Ok(Some(key));
        }
        let Some(key) = self.load(access_key_id).await? else { return Ok(None) };
        self.cache.insert(access_key_id.to_owned(), Arc::clone(&key)).await;
        Ok(Some(key))
    }

    async fn load(&self, access_key_id: &str) -> Result<Option<Arc<OpenedKey>>, S3Error> {
        let query = Query::Credential { access_key_id: access_key_id.to_owned() };
        let found = self.graveler.meta().read(query).await.and_then(|answer| Ok(answer.credential()?));
        let (credential, user) = match found {
            Ok(found) => found,
            Err(MetaError::Refused(Refusal::CredentialNotFound(_) | Refusal::UserNotFound)) => return Ok(None),
            Err(error) => return Err(Failure::from(error).to_s3()),
        };
        match self.secret_box.open(access_key_id, &credential.secret) {
            Ok(secret) => Ok(Some(Arc::new(OpenedKey { secret, user }))),
            Err(error) => {
                tracing::error!(access_key_id, %error, "an access key's secret can't be opened");
                Err(S3Error::new(ErrorCode::InternalError, "The access key can't be read: see the server's log."))
            }
        }
    }
}

/// The keys as one request sees them: who held the key when its signature was verified is who calls.
pub(crate) struct RequestKeys<'a> {
    credentials: &'a Credentials,
    found: OnceLock<(String, Arc<OpenedKey>)>,
}

impl<'a> RequestKeys<'a> {
    /// A view that has found nobody yet.
    pub(crate) fn new(credentials: &'a Credentials) -> Self {
        Self { credentials, found: OnceLock::new() }
    }

    /// The caller who holds the key that signed.
    pub(crate) fn caller(&self, access_key_id: &str) -> Result<Caller, S3Error> {
        match self.found.get() {
            Some((id, key)) if id == access_key_id => {
                Ok(Caller { user: key.user.clone(), access_key_id: access_key_id.to_owned() })
            }
            _ => Err(ErrorCode::InvalidAccessKeyId.into()),
        }
    }
}

#[async_trait]
impl KeyLookup for RequestKeys<'_> {
    async fn secret(&self, access_key_id: &str) -> Result<Option<SecretString>, S3Error> {
        let Some(key) = self.credentials.find(access_key_id).await? else { return Ok(None) };
        let (_, key) = self.found.get_or_init(|| (access_key_id.to_owned(), key));
        Ok(Some(key.secret.clone()))
    }
}
