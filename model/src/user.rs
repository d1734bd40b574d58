//! Who may call. Owns users and their keys as the metadata service keeps them: secrets only as ciphertext.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserId, UserName};

/// Somebody with keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id for ever.
    pub id: UserId,
    /// Their name.
    pub name: UserName,
    /// When they were made.
    pub created_at: Timestamp,
    /// Sessions that were begun before have ended.
    pub sessions_since: Option<Timestamp>,
}

/// A secret access key, encrypted by `auth::SecretBox` under the installation's key. The metadata service sees no
/// other form, so neither log, snapshot nor backup holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret(pub Vec<u8>);

/// An access key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The public half.
    pub access_key_id: String,
    /// The secret half, encrypted.
    pub secret: SealedSecret,
    /// Whose it is.
    pub user: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}
