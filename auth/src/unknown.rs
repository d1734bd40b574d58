//! Why a caller isn't known.

use model::MetaError;
use thiserror::Error;

use crate::InvalidToken;
use crate::secret_box::OpenError;

/// Why nobody was found.
#[derive(Debug, Clone, Error)]
pub enum Unknown {
    /// No such key, or it was taken away.
    #[error("no such access key")]
    Key,
    /// The token proves nothing, or nothing any more.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// The session was ended.
    #[error("the session has ended: log in again")]
    Ended,
    /// The metadata service can't say.
    #[error(transparent)]
    Meta(MetaError),
    /// The identity provider's keys aren't known. Try again later.
    #[error("the identity provider can't be asked for its keys: {0}")]
    Issuer(String),
    /// What is stored of them can't be read. For the operator.
    #[error("{0}")]
    Unreadable(String),
}

impl From<OpenError> for Unknown {
    fn from(error: OpenError) -> Self {
        Self::Unreadable(error.to_string())
    }
}
