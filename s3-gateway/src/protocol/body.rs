//! A request's body as the client meant it: unframed, counted, and verified against every digest that came with it.
//! Leaves where the bytes go to others. Invariant: bytes are handed on as they arrive, so a consumer commits only
//! when the stream has ended without an error; [`Receipt::received`] is empty until then.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::stream::BoxStream;

use super::checksum::Checksum;
use super::error::{ErrorCode, S3Error};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A verified body; its errors are boxed [`BodyError`]s.
pub type BodyStream = BoxStream<'static, Result<Bytes, BoxError>>;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client sent something wrong; the S3 error says what.
    #[error(transparent)]
    Refused(#[from] S3Error),
    /// The connection broke.
    #[error("the connection broke while the body was read")]
    Broken(#[source] BoxError),
}

impl BodyError {
    /// What the client is told.
    pub fn to_s3(&self) -> S3Error {
        match self {
            Self::Refused(error) => error.clone(),
            Self::Broken(_) => ErrorCode::IncompleteBody.into(),
        }
    }

    /// What the client is told of a boxed error, when it came from a [`BodyStream`].
    pub fn find(error: &BoxError) -> Option<S3Error> {
        error.downcast_ref::<Self>().map(Self::to_s3)
    }
}

/// What was verified of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The body's bytes.
    pub size: u64,
    /// The checksum that the client sent, in a header or trailer.
    pub checksum: Option<Checksum>,
}

/// Tells what was verified, once a body's stream has ended without an error.
#[derive(Debug, Clone, Default)]
pub struct Receipt(Arc<OnceLock<Received>>);

impl Receipt {
    /// What was verified; nothing before the stream's end.
    pub fn received(&self) -> Option<&Received> {
        self.0.get()
    }
}
