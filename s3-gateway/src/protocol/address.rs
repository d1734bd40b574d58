//! Which bucket and key a request names, by path or by virtual host. Owns the one percent-decoding of paths; leaves
//! what bucket and key mean to others. Invariant: a key is what the client meant, byte for byte: `//`, a leading `/`
//! and `+` stay, nothing is normalised.

use std::borrow::Cow;

use http::request::Parts;
use object_http::request_host;
use percent_encoding::percent_decode_str;

use super::error::{ErrorCode, S3Error};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The bucket; none in requests about the service, such as ListBuckets.
    pub bucket: Option<String>,
    /// The key; none in requests about a bucket.
    pub key: Option<String>,
    /// Whether the bucket stood in the host.
    pub virtual_host: bool,
}

/// The longest key that is taken in, in bytes. Generous: who owns keys bounds them further.
pub const KEY_BYTES_MAX: usize = 2048;

impl Address {
    /// Reads the address of a request, where `BUCKET.domain` names a bucket for each of `domains`.
    ///
    /// # Errors
    /// InvalidURI for a path that isn't UTF-8 once decoded, InvalidBucketName, KeyTooLongError.
    pub fn of(parts: &Parts, domains: &[String]) -> Result<Self, S3Error> {
        // Decoded before it is split, so that the address depends on the decoded path alone, as signatures do.
        let path = decode_path(parts.uri.path())?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        if let Some(bucket) = host(parts).and_then(|host| bucket_of_host(host, domains)) {
            return Ok(Self { bucket: Some(bucket), key: key(path)?, virtual_host: true });
        }
        let (bucket, rest) = path.split_once('/').unwrap_or((path, ""));
        match (bucket, rest) {
            ("", "") => Ok(Self { bucket: None, key: None, virtual_host: false }),
            ("", _) => Err(ErrorCode::InvalidBucketName.into()),
            _ => Ok(Self { bucket: Some(bucket.to_owned()), key: key(rest)?, virtual_host: false }),
        }
    }
}

/// The host that a request was sent to, with its port; none if it names several, which is refused elsewhere.
pub(crate) fn host(parts: &Parts) -> Option<&str> {
    request_host(&parts.uri, &parts.headers).ok().flatten()
}

/// The bucket in a host such as `trips.s3.example.com`.
fn bucket_of_host(host: &str, domains: &[String]) -> Option<String> {
    let host = without_port(host).to_ascii_lowercase();
    domains.iter().find_map(|domain| {
        let domain = without_port(domain).to_ascii_lowercase();
        let bucket = host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        (!bucket.is_empty()).then(|| bucket.to_owned())
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Takes a key in, if it isn't too long.
pub(super) fn key(key: &str) -> Result<Option<String>, S3Error> {
    match key.len() {
        0 => Ok(None),
        n if n > KEY_BYTES_MAX => Err(S3Error::from(ErrorCode::KeyTooLongError)
            .with_detail("Size", n.to_string())
            .with_detail("MaxSizeAllowed", KEY_BYTES_MAX.to_string())),
        _ => Ok(Some(key.to_owned())),
    }
}

/// Decodes a path once. A plus is a plus; a stray `%` stays as it is; bytes that aren't UTF-8 are refused.
pub(crate) fn decode_path(raw: &str) -> Result<Cow<'_, str>, S3Error> {
    percent_decode_str(raw).decode_utf8().map_err(|_| {
        S3Error::new(ErrorCode::InvalidURI, "The path isn't UTF-8 once it is percent-decoded. Encode keys as UTF-8.")
    })
}

#[cfg(test)]
mod tests;
