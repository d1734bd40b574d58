//! The one way into the gateway: verifies who signed a request and types what it asks for. Leaves who holds which key
//! to a [`KeyLookup`]. Invariant: only [`Receiver::receive`] makes an [`Authenticated`], after the signature matched.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;
use http::HeaderMap;
use http::request::Parts;
use secrecy::SecretString;

use super::body::{BodyStream, Receipt};
use super::error::S3Error;
use super::operation::Operation;
use super::{Address, body};

/// Who holds which access key.
#[async_trait]
pub trait KeyLookup: Send + Sync {
    /// The secret of an access key; none when nobody holds it.
    ///
    /// # Errors
    /// What the caller shall be told when keys can't be read, such as ServiceUnavailable.
    async fn secret(&self, access_key_id: &str) -> Result<Option<SecretString>, S3Error>;
}

/// Proof that a request was signed with an access key's secret.
#[derive(Debug)]
pub struct Authenticated {
    access_key_id: String,
}

impl Authenticated {
    /// The key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }
}

/// A request whose signature was verified.
#[derive(Debug)]
pub struct Request {
    /// Who signed it.
    pub authenticated: Authenticated,
    /// What it is about.
    pub address: Address,
    /// What it asks for.
    pub operation: Operation,
    /// Its headers as the signer meant them: those received, and those moved into a pre-signed URL.
    pub headers: HeaderMap,
}

/// Verifies requests; keeps derived signing keys.
pub struct Receiver {
    domains: Vec<String>,
}

impl Receiver {
    /// Makes a receiver for which `BUCKET.domain` names a bucket, for each of `domains`.
    pub fn new(domains: Vec<String>) -> Self {
        Self { domains }
    }

    /// Verifies a request and types it. Reads nothing of the body, so a client that sent `Expect: 100-continue` keeps
    /// its bytes when it is refused.
    pub async fn receive(&self, parts: &Parts, keys: &dyn KeyLookup, now: DateTime<Utc>) -> Result<Request, S3Error> {
        todo!("{:?} {}", self.domains, keys.secret(&format!("{parts:?} {now}")).await?.is_some())
    }
}

impl Request {
    /// The bytes that the body holds once it is unframed, if the client said so.
    pub fn length(&self) -> Option<u64> {
        todo!()
    }

    /// Whether the client gave any digest of the body, signed hash aside (DeleteObjects wants one).
    pub fn has_body_digest(&self) -> bool {
        todo!()
    }

    /// Unframes and verifies the body. The stream's errors are boxed [`body::BodyError`]s; bytes are to be trusted
    /// only when the stream ended without one, and then the receipt tells what was verified.
    pub fn open_body<S, E>(&self, raw: S) -> Result<(BodyStream, Receipt), S3Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<body::BoxError>,
    {
        let _ = raw;
        todo!()
    }

    /// Reads a whole small body, such as XML, verified.
    pub async fn read_body<S, E>(&self, raw: S, bytes_max: usize) -> Result<Bytes, S3Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<body::BoxError>,
    {
        let _ = (raw, bytes_max);
        todo!()
    }
}
