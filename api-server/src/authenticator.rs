//! Finds out who calls: from a gRPC call's signature, from `authorization: Basic base64(access key id:secret access key)`,
//! both with a session's token in `x-amz-security-token` if the key is a session's, or from `authorization: Bearer` and a
//! bearer token. Leaves what callers may do to `auth::authorize`. Invariant: a wrong key and an unknown one look the same
//! and take as long, and who has the right secret is let in whatever others guess.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::{
    ACCESS_KEY_ID_BYTES_MAX, AuditLog, Caller, Directory, InvalidToken, Known, PeerAddress,
    SECRET_ACCESS_KEY_BYTES_MAX, Throttle, Trail, Unknown, secrets_match,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue, Uri};
use model::{Clock, SystemClock};
use object_http::request_host;
use proto::api::{CallHead, CallSignature, DATE_HEADER, SESSION_TOKEN_HEADER, SKEW_MS_MAX, parse_call_date};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::time::Instant;

use crate::Error;

/// Base64 of the longest id and secret, with what stands around them.
const BASIC_BYTES_MAX: usize = 16 + (ACCESS_KEY_ID_BYTES_MAX + SECRET_ACCESS_KEY_BYTES_MAX + 1) * 4 / 3 + 4;

/// How much longer a wrong secret is answered after too many of them: a guesser's connection is good for one in two seconds.
const THROTTLED_FACTOR: u32 = 20;

const WRONG: Error = Error::Unauthenticated("wrong access key or secret");
const WRONG_SIGNATURE: Error =
    Error::Unauthenticated("wrong access key or secret, or a proxy changed the call's host (:authority) on its way");
const SKEWED: Error =
    Error::Unauthenticated("the call's date is more than 15 minutes off the server's: set the clocks of both machines");

/// Verifies credentials.
pub(crate) struct Authenticator {
    directory: Arc<Directory>,
    throttle: Throttle,
    refusal_duration_min: Duration,
    audit: Option<Arc<dyn AuditLog>>,
}

impl Authenticator {
    pub(crate) fn new(directory: Arc<Directory>, refusal_duration_min: Duration) -> Self {
        Self { directory, throttle: Throttle::default(), refusal_duration_min, audit: None }
    }

    /// The same, writing down what happens.
    pub(crate) fn audited(self, audit: Arc<dyn AuditLog>) -> Self {
        Self { audit: Some(audit), ..self }
    }

    /// Begins the trail of a request, if anything is written down.
    pub(crate) fn trail(&self, protocol: &'static str, request_id: &str) -> Option<Arc<Trail>> {
        let audit = self.audit.as_ref()?;
        Some(Trail::new(Arc::clone(audit), protocol, request_id))
    }

    /// Writes down that nobody was let in.
    pub(crate) fn note_refusal(
        &self,
        trail: Option<&Trail>,
        address: Option<IpAddr>,
        operation: &str,
        refusal: &Error,
    ) {
        if let Some(trail) = trail {
            trail.refused(self.directory.now(), address, operation, &refusal.to_string());
        }
    }

    /// Verifies the credentials of a request.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Caller, Error> {
        let address = PeerAddress::address(extensions.get());
        let header = headers
            .get(AUTHORIZATION)
            .ok_or(Error::Unauthenticated("no credentials: send an access key and its secret"))?;
        if let Some(token) = parse_bearer(header) {
            return self.bearer(token, address).await;
        }
        let (access_key_id, offered) = parse_basic(header).ok_or(Error::Unauthenticated(
            "malformed credentials: send Basic base64(access key id:secret access key), or Bearer and a token",
        ))?;
        self.secret(&access_key_id, &offered, session_token(headers)?, address).await
    }

    /// Verifies the credentials of a gRPC call, which may be signed.
    pub(crate) async fn authenticate_call(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Caller, Error> {
        let authorization = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        let Some(signature) = authorization.and_then(CallSignature::parse) else {
            return self.authenticate(headers, extensions).await;
        };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Ok(Some(host)), Some(date)) = (request_host(uri, headers), text(DATE_HEADER)) else {
            return Err(Error::Unauthenticated("a signed call needs its host and an x-amz-date"));
        };
        let signed_at =
            parse_call_date(date).ok_or(Error::Unauthenticated("x-amz-date must be like 20261120T093000Z"))?;
        // By this machine's own clock, as signers date calls by theirs.
        if signed_at.as_millis().abs_diff(SystemClock.now().as_millis()) > SKEW_MS_MAX {
            return Err(SKEWED);
        }
        let head = CallHead { host, path: uri.path(), date, session_token: session_token(headers)? };
        let offered = Offered {
            access_key_id: signature.access_key_id,
            session_token: head.session_token,
            address: PeerAddress::address(extensions.get()),
        };
        self.prove(offered, WRONG_SIGNATURE, |secret| signature.is_of(&head, secret)).await
    }

    /// Verifies a bearer token.
    pub(crate) async fn bearer(&self, token: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        let known = self.directory.bearer(token).await?;
        Ok(self.directory.caller(&known, address))
    }

    /// Verifies an access key by its secret.
    pub(crate) async fn secret(
        &self,
        access_key_id: &str,
        offered: &SecretString,
        session_token: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        self.prove(Offered { access_key_id, session_token, address }, WRONG, |secret| secrets_match(secret, offered))
            .await
    }

    /// Verifies that a caller holds the secret of an access key. Guesses are slowed down: after too many, each wrong one
    /// waits for its answer. The right secret is judged first, so that nobody locks its owner out; what a guess costs here
    /// is a look into memory, or for an unknown key one question to the metadata service.
    async fn prove(
        &self,
        Offered { access_key_id, session_token, address }: Offered<'_>,
        wrong: Error,
        is_right: impl FnOnce(&SecretString) -> bool,
    ) -> Result<Caller, Error> {
        let begun = Instant::now();
        let found = match session_token {
            Some(token) => self.directory.session_key(access_key_id, token).await,
            None => self.directory.key(access_key_id).await,
        };
        let known = match found {
            Ok(known) => Some(known),
            Err(Unknown::Key) => None,
            Err(other) => return Err(other.into()),
        };
        // Compared even if nobody is known, so that the work is the same.
        let nobody = SecretString::from("no key has this secret, which is longer than any");
        let secret = known.as_deref().and_then(Known::secret).unwrap_or(&nobody);
        if let (true, Some(known)) = (is_right(secret), known) {
            return Ok(self.directory.caller(&known, address));
        }
        let (refusal, factor) = match self.throttle.failed(address, access_key_id, self.directory.now()) {
            true => (Error::TooManyAttempts, THROTTLED_FACTOR),
            false => (wrong, 1),
        };
        tokio::time::sleep_until(begun + self.refusal_duration_min * factor).await;
        Err(refusal)
    }
}

/// Who says that they hold which key.
struct Offered<'a> {
    access_key_id: &'a str,
    session_token: Option<&'a str>,
    address: Option<IpAddr>,
}

fn session_token(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    match headers.get(SESSION_TOKEN_HEADER).map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(token)) => Ok(Some(token)),
        Some(Err(_)) => Err(InvalidToken::Unknown.into()),
    }
}

impl From<Unknown> for Error {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Key => WRONG,
            Unknown::Token(invalid) => invalid.into(),
            Unknown::Ended => Self::Unauthenticated("the session has ended: log in again"),
            Unknown::Meta(error) => error.into(),
            Unknown::Issuer(why) => Self::IssuerUnavailable(why),
            Unknown::Unreadable(why) => Self::Sealed(why),
        }
    }
}

impl From<InvalidToken> for Error {
    fn from(invalid: InvalidToken) -> Self {
        Self::Unauthenticated(invalid.message())
    }
}

fn parse_bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn parse_basic(header: &HeaderValue) -> Option<(String, SecretString)> {
    if header.len() > BASIC_BYTES_MAX {
        return None;
    }
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.into()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn basic_credentials_are_split_at_the_first_colon() {
        let (id, secret) = parse_basic(&header(&format!("basic {}", STANDARD.encode("AK:a:b")))).unwrap();
        assert_eq!((id.as_str(), secret.expose_secret()), ("AK", "a:b"));
    }

    #[test]
    fn anything_else_is_no_credentials() {
        let long = format!("Basic {}", STANDARD.encode("x".repeat(1000) + ":y"));
        for bad in ["", "Basic", "Basic !!!", "Bearer abc", &format!("Basic {}", STANDARD.encode("nocolon")), &long] {
            assert!(parse_basic(&header(bad)).is_none(), "{bad}");
        }
        assert_eq!(parse_bearer(&header("bearer a.b.c")), Some("a.b.c"));
        assert_eq!(parse_bearer(&header("Basic x")), None);
    }
}
