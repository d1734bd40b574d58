//! Who holds which access key. Owns the view of one request; leaves finding and remembering to `auth::Directory`.
//! Invariant: who held the key when its signature was verified is who calls.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use auth::{Caller, Directory, InvalidToken, Known, Unknown};
use secrecy::SecretString;

use crate::error_table::Failure;
use crate::protocol::receive::KeyLookup;
use crate::protocol::{ErrorCode, S3Error};

/// The keys as one request sees them.
pub(crate) struct RequestKeys<'a> {
    directory: &'a Directory,
    found: OnceLock<(String, Arc<Known>)>,
}

impl<'a> RequestKeys<'a> {
    /// A view that has found nobody yet.
    pub(crate) fn new(directory: &'a Directory) -> Self {
        Self { directory, found: OnceLock::new() }
    }

    /// The caller who holds the key that signed.
    pub(crate) fn caller(&self, access_key_id: &str, address: Option<IpAddr>) -> Result<Caller, S3Error> {
        match self.found.get() {
            Some((id, known)) if id == access_key_id => Ok(self.directory.caller(known, address)),
            _ => Err(ErrorCode::InvalidAccessKeyId.into()),
        }
    }

    async fn find(&self, access_key_id: &str, token: Option<&str>) -> Result<Arc<Known>, Unknown> {
        match token {
            Some(token) => self.directory.session_key(access_key_id, token).await,
            None => self.directory.key(access_key_id).await,
        }
    }
}

#[async_trait]
impl KeyLookup for RequestKeys<'_> {
    async fn secret(&self, access_key_id: &str, token: Option<&str>) -> Result<Option<SecretString>, S3Error> {
        let known = match self.find(access_key_id, token).await {
            Ok(known) => known,
            Err(Unknown::Key) => return Ok(None),
            Err(unknown) => return Err(refusal(&unknown)),
        };
        let (_, known) = self.found.get_or_init(|| (access_key_id.to_owned(), known));
        Ok(known.secret().cloned())
    }
}

/// What STS says of an identity provider's token that isn't taken.
pub(crate) fn identity_refusal(unknown: &Unknown) -> S3Error {
    match unknown {
        Unknown::Token(InvalidToken::Expired) => ErrorCode::ExpiredTokenException.into(),
        Unknown::Token(invalid) => S3Error::new(ErrorCode::InvalidIdentityToken, invalid.message()),
        Unknown::Ended => S3Error::new(ErrorCode::InvalidIdentityToken, unknown.to_string()),
        other => refusal(other),
    }
}

fn refusal(unknown: &Unknown) -> S3Error {
    match unknown {
        Unknown::Key => ErrorCode::InvalidAccessKeyId.into(),
        Unknown::Token(InvalidToken::Expired) => ErrorCode::ExpiredToken.into(),
        Unknown::Token(_) => ErrorCode::InvalidToken.into(),
        Unknown::Ended => S3Error::new(ErrorCode::ExpiredToken, unknown.to_string()),
        Unknown::Meta(error) => Failure::from(error.clone()).to_s3(),
        Unknown::Issuer(_) => S3Error::new(ErrorCode::IDPCommunicationError, unknown.to_string()),
        Unknown::Unreadable(error) => {
            tracing::error!(%error, "what is stored of an access key can't be read");
            S3Error::new(ErrorCode::InternalError, "The access key can't be read: see the server's log.")
        }
    }
}
