//! The caller's access key or token. Owns what of it goes onto the wire. Invariant: the secret of a key stays here, since
//! calls are signed with it, and shows in no `Debug` output.

use model::Timestamp;
use proto::api::{CallHead, DATE_HEADER, SESSION_TOKEN_HEADER, call_date};
use secrecy::{ExposeSecret, SecretString};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// An access key, its id and its secret; or a token that proves by itself who calls.
#[derive(Debug, Clone)]
pub struct Credentials {
    proof: Proof,
}

#[derive(Debug, Clone)]
enum Proof {
    Key { access_key_id: String, secret_access_key: SecretString, session_token: Option<SecretString> },
    Bearer(SecretString),
    Nothing,
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

    /// Proves nothing: for the calls that anybody may make.
    pub fn none() -> Self {
        Self { proof: Proof::Nothing }
    }

    /// Adds the token of the session whose access key this is.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<SecretString>) -> Self {
        if let Proof::Key { session_token, .. } = &mut self.proof {
            *session_token = Some(token.into());
        }
        self
    }

    /// Returns whether it goes over the wire itself, so that a reader of the wire has it.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.proof, Proof::Bearer(_))
    }

    /// Puts onto a call what proves who sends it. A token that can't be one goes out empty and is refused.
    pub(crate) fn prove(&self, metadata: &mut MetadataMap, host: &str, path: &str, at: Timestamp) {
        match &self.proof {
            Proof::Nothing => {}
            Proof::Bearer(token) => {
                metadata.insert("authorization", sensitive(&format!("Bearer {}", token.expose_secret())));
            }
            Proof::Key { access_key_id, secret_access_key, session_token } => {
                let date = call_date(at);
                let session_token = session_token.as_ref().map(|token| token.expose_secret());
                let head = CallHead { host, path, date: &date, session_token };
                metadata.insert("authorization", sensitive(&head.sign(access_key_id, secret_access_key)));
                metadata.insert(DATE_HEADER, sensitive(&date));
                if let Some(token) = session_token {
                    metadata.insert(SESSION_TOKEN_HEADER, sensitive(token));
                }
            }
        }
    }
}

/// A value that no layer between here and the wire logs.
fn sensitive(text: &str) -> MetadataValue<Ascii> {
    let mut value = text.parse().unwrap_or_else(|_| MetadataValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(credentials: &Credentials) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        credentials.prove(&mut metadata, "lake:8000", "/s/M", Timestamp::from_millis(1_790_000_000_000));
        metadata
    }

    #[test]
    fn a_key_s_secret_is_neither_sent_nor_shown() {
        let credentials = Credentials::new("AKLB1", "very-secret").with_session_token("the-token");
        let sent = sent(&credentials);
        let names: Vec<_> = sent.keys().map(|name| format!("{name:?}")).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
            let text = sent.get(name).unwrap().to_str().unwrap();
            assert!(!text.contains("very-secret") && !text.starts_with("Basic"), "{text}");
        }
        let shown = format!("{credentials:?} {sent:?}");
        assert!(!shown.contains("very-secret") && !shown.contains("the-token"), "{shown}");
    }

    #[test]
    fn a_token_is_sent_and_not_shown() {
        let bearer = Credentials::bearer("very-secret");
        let sent = sent(&bearer);
        assert_eq!(sent.get("authorization").unwrap(), "Bearer very-secret");
        let shown = format!("{bearer:?} {sent:?}");
        assert!(!shown.contains("very-secret"), "{shown}");
    }
}
