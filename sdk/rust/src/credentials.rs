//! The caller's access key or token. Owns how it goes onto the wire. Invariant: the secret shows in no `Debug` output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tonic::metadata::{Ascii, MetadataValue};

/// An access key, its id and its secret; or a token that proves by itself who calls.
#[derive(Debug, Clone)]
pub struct Credentials {
    proof: Proof,
}

#[derive(Debug, Clone)]
enum Proof {
    Key { access_key_id: String, secret_access_key: SecretString, session_token: Option<SecretString> },
    Bearer(SecretString),
}

impl Credentials {
    /// Takes an access key.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<SecretString>) -> Self {
        let (access_key_id, secret_access_key) = (access_key_id.into(), secret_access_key.into());
        Self { proof: Proof::Key { access_key_id, secret_access_key, session_token: None } }
    }

    /// Takes a bearer token: a login's, or one of the identity provider that the server trusts.
    pub fn bearer(token: impl Into<SecretString>) -> Self {
        Self { proof: Proof::Bearer(token.into()) }
    }

    /// Adds the token of the session whose access key this is.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<SecretString>) -> Self {
        if let Proof::Key { session_token, .. } = &mut self.proof {
            *session_token = Some(token.into());
        }
        self
    }

    /// The `authorization` entry of each call, marked so that no layer beneath logs it. A token that can't be one goes out
    /// empty and is refused.
    pub(crate) fn authorization(&self) -> MetadataValue<Ascii> {
        let text = match &self.proof {
            Proof::Key { access_key_id, secret_access_key, .. } => {
                let pair = format!("{access_key_id}:{}", secret_access_key.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
            Proof::Bearer(token) => format!("Bearer {}", token.expose_secret()),
        };
        sensitive(&text)
    }

    /// The session's entry of each call.
    pub(crate) fn session(&self) -> Option<MetadataValue<Ascii>> {
        match &self.proof {
            Proof::Key { session_token: Some(token), .. } => Some(sensitive(token.expose_secret())),
            Proof::Key { session_token: None, .. } | Proof::Bearer(_) => None,
        }
    }
}

fn sensitive(text: &str) -> MetadataValue<Ascii> {
    let mut value = text.parse().unwrap_or_else(|_| MetadataValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials::new("AKLB1", "very-secret");
        let shown = format!("{credentials:?} {:?}", credentials.authorization());
        assert!(!shown.contains("very-secret") && !shown.contains(&STANDARD.encode("AKLB1:very-secret")), "{shown}");
        let bearer = Credentials::bearer("very-secret");
        let shown = format!("{bearer:?} {:?}", bearer.authorization());
        assert!(!shown.contains("very-secret"), "{shown}");
    }
}
