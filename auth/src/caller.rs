//! Who calls. Owns the noun; leaves the proof to the protocols. Invariant: a `Caller` is only made once a credential
//! has been verified.

use model::User;

/// A user who has proved to hold an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: User,
    /// By which key.
    pub access_key_id: String,
}

impl Caller {
    /// The name that commits carry as their committer.
    pub fn committer(&self) -> &str {
        self.user.name.as_str()
    }
}
