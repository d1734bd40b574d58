//! The caller's access key. Owns how it goes onto the wire. Invariant: the secret shows in no `Debug` output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tonic::metadata::{Ascii, MetadataValue};

/// An access key: its id and its secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
}

impl Credentials {
    /// Takes an access key.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<SecretString>) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into(), session_token: None }
    }

    /// Adds the token of the session whose access key this is.
    #[must_use]
    pub fn with_session_token(self, token: impl Into<SecretString>) -> Self {
        Self { session_token: Some(token.into()), ..self }
    }

    /// The public half.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The `authorization` entry of each call, marked so that no layer beneath logs it.
    pub(crate) fn authorization(&self) -> MetadataValue<Ascii> {
        let pair = format!("{}:{}", self.access_key_id, self.secret_access_key.expose_secret());
        let text = format!("Basic {}", STANDARD.encode(pair));
        let mut value: MetadataValue<Ascii> = text.parse().expect("because base64 is ASCII");
        value.set_sensitive(true);
        value
    }
}

impl Credentials {
    /// The session's entry of each call. A token that can't be one goes out empty and is refused.
    pub(crate) fn session(&self) -> Option<MetadataValue<Ascii>> {
        let token = self.session_token.as_ref()?;
        let mut value = token.expose_secret().parse().unwrap_or_else(|_| MetadataValue::from_static(""));
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials::new("AKLB1", "very-secret");
        let shown = format!("{credentials:?} {:?}", credentials.authorization());
        assert!(!shown.contains("very-secret") && !shown.contains(&STANDARD.encode("AKLB1:very-secret")), "{shown}");
    }
}
