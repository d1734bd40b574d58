//! Signs URLs, for callers to hand on: the other side of what `signature_v4` verifies, by the same canonical form. Owns the
//! URL; leaves keys and dates to the caller. Invariant: a URL is of one method, one key and a bounded time.

use chrono::{DateTime, Utc};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Uri};
use secrecy::SecretString;
use thiserror::Error;

use super::canonical::{CanonicalRequest, SIGNATURE_PARAMETER, encoded, encoded_path};
use super::payload::UNSIGNED;
use super::query::Query;
use super::signature_v4::{ALGORITHM, DATE_FORMAT, EXPIRES_SECONDS_MAX, Service};
use super::signing_key::SigningKey;

/// What a URL is to be signed for.
#[derive(Debug, Clone)]
pub struct Presign<'a> {
    /// Where S3 is spoken: `https://host:port`.
    pub endpoint: &'a str,
    /// What the URL does: `GET`, `HEAD`, `PUT` or `DELETE`.
    pub method: &'a Method,
    /// The bucket.
    pub bucket: &'a str,
    /// The key in it.
    pub key: &'a str,
    /// Who signs.
    pub access_key_id: &'a str,
    /// With what.
    pub secret_access_key: &'a SecretString,
    /// The token of a session's keys.
    pub session_token: Option<&'a str>,
    /// From when on, in whole seconds.
    pub at: DateTime<Utc>,
    /// For how long, in seconds.
    pub expires_seconds: i64,
}

/// Why a URL can't be signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CannotPresign {
    /// Nothing that a URL can begin with.
    #[error("{0:?} is no endpoint of S3: write http:// or https://, a host and a port, and no path")]
    Endpoint(String),
    /// No time, or too long a time.
    #[error("a URL is good for 1 to {EXPIRES_SECONDS_MAX} seconds (seven days), not {0}")]
    Expiry(i64),
}

impl Presign<'_> {
    /// The URL.
    ///
    /// # Errors
    /// When the endpoint or the time makes no sense.
    pub fn url(&self) -> Result<String, CannotPresign> {
        if !(1..=EXPIRES_SECONDS_MAX).contains(&self.expires_seconds) {
            return Err(CannotPresign::Expiry(self.expires_seconds));
        }
        let (scheme, host, header) = self.host().ok_or_else(|| CannotPresign::Endpoint(self.endpoint.to_owned()))?;
        let path = encoded_path(&format!("/{}/{}", self.bucket, self.key));
        let day = self.at.format("%Y%m%d").to_string();
        let timestamp = self.at.format(DATE_FORMAT).to_string();
        let region = "us-east-1";
        let scope = format!("{day}/{region}/{}/aws4_request", Service::S3.as_str());
        let mut pairs = vec![
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", self.access_key_id)),
            ("X-Amz-Date", timestamp.clone()),
            ("X-Amz-Expires", self.expires_seconds.to_string()),
            ("X-Amz-SignedHeaders", "host".to_owned()),
        ];
        pairs.extend(self.session_token.map(|token| ("X-Amz-Security-Token", token.to_owned())));
        let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let query = query.join("&");
        let canonical = CanonicalRequest {
            method: self.method,
            path: &path,
            query: &Query::parse(&query).expect("because what was encoded from text is text"),
            headers: &HeaderMap::from_iter([(http::header::HOST, header)]),
            signed_headers: &["host"],
            payload: UNSIGNED,
        };
        let text = format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", canonical.digest());
        let signature = SigningKey::derive(self.secret_access_key, &day, region, Service::S3).sign(&text);
        Ok(format!("{scheme}://{host}{path}?{query}&{SIGNATURE_PARAMETER}={signature}"))
    }

    /// Scheme, host and port, and the header that clients make of these: without the scheme's own port.
    fn host(&self) -> Option<(Scheme, String, HeaderValue)> {
        let uri: Uri = self.endpoint.trim_end_matches('/').parse().ok()?;
        let scheme = uri.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
            return None;
        }
        let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port == usual => authority.host().to_owned(),
            _ => authority.as_str().to_owned(),
        };
        let header = HeaderValue::from_str(&host).ok()?;
        Some((scheme.clone(), host, header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presign<'a>(endpoint: &'a str, secret: &'a SecretString) -> Presign<'a> {
        Presign {
            endpoint,
            method: &Method::GET,
            bucket: "trips",
            key: "main/a b+c/é",
            access_key_id: "AKLB",
            secret_access_key: secret,
            session_token: None,
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            expires_seconds: 60,
        }
    }

    #[test]
    fn a_url_has_all_that_a_verifier_asks_for() {
        let secret = "secret".to_owned().into();
        let url = presign("https://lake.example:443/", &secret).url().unwrap();
        assert!(url.starts_with("https://lake.example/trips/main/a%20b%2Bc/%C3%A9?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
        assert!(url.contains("X-Amz-Credential=AKLB%2F20270115%2Fus-east-1%2Fs3%2Faws4_request"), "{url}");
        let other = Presign { session_token: Some("t+/="), ..presign("http://[::1]:8000", &secret) }.url().unwrap();
        assert!(other.contains("http://[::1]:8000/") && other.contains("X-Amz-Security-Token=t%2B%2F%3D"), "{other}");
    }

    #[test]
    fn nonsense_is_refused() {
        let secret = "secret".to_owned().into();
        for endpoint in ["", "lake.example", "ftp://lake", "http://lake/s3", "http://me@lake", "http://lake?x"] {
            assert!(matches!(presign(endpoint, &secret).url(), Err(CannotPresign::Endpoint(_))), "{endpoint}");
        }
        for expires_seconds in [0, -1, EXPIRES_SECONDS_MAX + 1] {
            let presign = Presign { expires_seconds, ..presign("http://lake", &secret) };
            assert_eq!(presign.url(), Err(CannotPresign::Expiry(expires_seconds)));
        }
    }
}
