//! How a gRPC call is signed: AWS Signature Version 4 of its head, for the service `lakebed`, so that the secret of an
//! access key never leaves its holder. Owns both sides of it, the signer's and the verifier's; leaves whose key it is to
//! the server. Invariant: a signature is of one method, one host, one date and one session token. The messages aren't
//! signed (`UNSIGNED-PAYLOAD`), since they stream: who must keep a network from changing them uses TLS.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use chrono::NaiveDateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The header with the date of a signed call.
pub const DATE_HEADER: &str = "x-amz-date";

/// The header with the token of the session whose key signs.
pub const SESSION_TOKEN_HEADER: &str = "x-amz-security-token";

/// How far a call's date may be from the verifier's clock, in milliseconds.
pub const SKEW_MS_MAX: u64 = 15 * 60 * 1000;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "lakebed";
const TERMINAL: &str = "aws4_request";
/// Signers name one; there is none here, and any is taken.
const REGION: &str = "us-east-1";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// What of a call is signed.
#[derive(Debug, Clone, Copy)]
pub struct CallHead<'a> {
    /// The host and port that it is sent to: HTTP/2's `:authority`.
    pub host: &'a str,
    /// The method: `/lakebed.api.v1.Service/Method`.
    pub path: &'a str,
    /// The date, as [`call_date`] writes it.
    pub date: &'a str,
    /// The session token, if there is one.
    pub session_token: Option<&'a str>,
}

/// What an `authorization` header says of a signature; nothing of it is proved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSignature<'a> {
    /// Whose key signed.
    pub access_key_id: &'a str,
    region: &'a str,
    day: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// A call's date, in whole seconds.
pub fn call_date(at: Timestamp) -> String {
    at.to_datetime().format(DATE_FORMAT).to_string()
}

/// Reads a call's date.
pub fn parse_call_date(text: &str) -> Option<Timestamp> {
    Some(NaiveDateTime::parse_from_str(text, DATE_FORMAT).ok()?.and_utc().into())
}

/// Returns whether an `authorization` header says that a call of ours is signed: an S3 request of the same form says so for
/// another service.
pub fn is_signed_call(authorization: &str) -> bool {
    CallSignature::parse(authorization).is_some()
}

impl CallHead<'_> {
    /// Signs the call. → its `authorization` header
    pub fn sign(&self, access_key_id: &str, secret: &SecretString) -> String {
        let day = self.date.split('T').next().unwrap_or_default();
        let signature = hex::encode(self.signature(secret, day, REGION));
        let (scope, names) = (scope(day, REGION), self.signed_headers());
        format!("{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    fn signed_headers(&self) -> &'static str {
        match self.session_token {
            None => "host;x-amz-date",
            Some(_) => "host;x-amz-date;x-amz-security-token",
        }
    }

    fn signature(&self, secret: &SecretString, day: &str, region: &str) -> Vec<u8> {
        let Self { host, path, date, session_token } = self;
        let token = session_token.map(|token| format!("{SESSION_TOKEN_HEADER}:{token}\n")).unwrap_or_default();
        let names = self.signed_headers();
        let canonical =
            format!("POST\n{path}\n\nhost:{host}\n{DATE_HEADER}:{date}\n{token}\n{names}\nUNSIGNED-PAYLOAD");
        let digest = hex::encode(Sha256::digest(canonical));
        let text = format!("{ALGORITHM}\n{date}\n{}\n{digest}", scope(day, region));
        let key = format!("AWS4{}", secret.expose_secret()).into_bytes();
        [day, region, SERVICE, TERMINAL, &text].iter().fold(key, |key, text| hmac(&key, text))
    }
}

impl<'a> CallSignature<'a> {
    /// Reads an `authorization` header; `None` if it is of another scheme or for another service.
    pub fn parse(authorization: &'a str) -> Option<Self> {
        let fields = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let field = |name: &str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            found.next().filter(|_| found.next().is_none())
        };
        let mut scope = field("Credential")?.split('/');
        let mut next = || scope.next().filter(|part| !part.is_empty());
        let (access_key_id, day, region) = (next()?, next()?, next()?);
        if (next()?, next()?) != (SERVICE, TERMINAL) || scope.next().is_some() {
            return None;
        }
        let (signed_headers, signature) = (field("SignedHeaders")?, field("Signature")?);
        Some(Self { access_key_id, region, day, signed_headers, signature })
    }

    /// Returns whether this is the signature of a call by a secret. Leaves the date to the caller.
    pub fn is_of(&self, head: &CallHead<'_>, secret: &SecretString) -> bool {
        let Ok(signature) = hex::decode(self.signature) else { return false };
        let is_right = head.signature(secret, self.day, self.region).ct_eq(&signature);
        bool::from(is_right) && self.signed_headers == head.signed_headers() && head.date.starts_with(self.day)
    }
}

fn scope(day: &str, region: &str) -> String {
    format!("{day}/{region}/{SERVICE}/{TERMINAL}")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("because HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;

    use super::*;

    const PATH: &str = "/lakebed.api.v1.Repositories/List";
    const SECONDS: u64 = 1_790_000_000;

    fn head<'a>(date: &'a str, session_token: Option<&'a str>) -> CallHead<'a> {
        CallHead { host: "lake.example:8000", path: PATH, date, session_token }
    }

    fn date() -> String {
        call_date(Timestamp::from_millis(1000 * i64::try_from(SECONDS).unwrap()))
    }

    /// What AWS's own signer makes of the same call.
    fn oracle(token: Option<&str>) -> String {
        let identity = Credentials::new("AKLB1", "s3cret+/", token.map(str::to_owned), None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("lakebed")
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS))
            .settings(SigningSettings::default());
        let url = format!("http://lake.example:8000{PATH}");
        let request = SignableRequest::new("POST", url, std::iter::empty(), SignableBody::UnsignedPayload).unwrap();
        let (instructions, _) = sign(request, &params.build().unwrap().into()).unwrap().into_parts();
        let mut headers = instructions.headers();
        headers.find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
    }

    #[test]
    fn aws_s_signer_and_ours_are_verified_and_tampering_is_not() {
        let (secret, date) = (SecretString::from("s3cret+/"), date());
        for token in [None, Some("t0ken")] {
            let head = head(&date, token);
            for authorization in [oracle(token), head.sign("AKLB1", &secret)] {
                let signature = CallSignature::parse(&authorization).unwrap();
                assert_eq!(signature.access_key_id, "AKLB1");
                assert!(signature.is_of(&head, &secret), "{authorization}");
                assert!(!signature.is_of(&head, &"other".into()));
                for changed in [
                    CallHead { host: "lake.example:8001", ..head },
                    CallHead { path: "/lakebed.api.v1.Repositories/Delete", ..head },
                    CallHead { date: "20260921T144641Z", ..head },
                    CallHead { session_token: Some("another"), ..head },
                    CallHead { session_token: if token.is_some() { None } else { Some("t0ken") }, ..head },
                ] {
                    assert!(!signature.is_of(&changed, &secret), "{changed:?}");
                }
            }
        }
    }

    #[test]
    fn only_our_own_signatures_are_read() {
        let good = head(&date(), None).sign("AKLB1", &"s".into());
        assert!(is_signed_call(&good));
        for (from, to) in [
            ("/lakebed/", "/s3/"),
            ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            ("aws4_request", "aws4_request/x"),
            ("AKLB1", ""),
            ("Signature=", "Signature=00, Signature="),
            ("SignedHeaders=host;x-amz-date, ", ""),
        ] {
            assert!(!is_signed_call(&good.replace(from, to)), "{to}");
        }
        for other in ["", "Basic x", "Bearer a.b.c", "AWS4-HMAC-SHA256"] {
            assert!(!is_signed_call(other), "{other}");
        }
        let other_day = head("20200101T000000Z", None).sign("AKLB1", &"s".into());
        let today = date();
        assert!(!CallSignature::parse(&other_day).unwrap().is_of(&head(&today, None), &"s".into()));
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let at = Timestamp::from_millis(1_790_000_001_000);
        assert_eq!(parse_call_date(&call_date(at)), Some(at));
        for bad in ["", "now", "2026-11-20T09:30:00Z", "20261120T093000"] {
            assert_eq!(parse_call_date(bad), None, "{bad}");
        }
    }
}
