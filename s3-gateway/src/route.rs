//! Which requests on a shared port are S3's. Leaves all others to who mounts the gateway. Invariant: the answer depends
//! on what the request says about itself only, and grants nothing: a request that is taken for S3 must still be signed.

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;

/// Whether a request is AWS-signed, by header or query, or is sent to one of the gateway's hosts.
pub(crate) fn is_s3(parts: &Parts, domains: &[String]) -> bool {
    is_signed_by_header(parts) || is_signed_by_query(parts) || is_to_gateway(parts, domains)
}

fn is_signed_by_header(parts: &Parts) -> bool {
    let value = parts.headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
    value.starts_with(b"AWS4-") || value.starts_with(b"AWS ")
}

/// Version 4 has `X-Amz-Signature` or at least `X-Amz-Algorithm`; version 2 has `AWSAccessKeyId` and `Signature`.
fn is_signed_by_query(parts: &Parts) -> bool {
    let names = || parts.uri.query().unwrap_or_default().split('&').map(|pair| pair.split('=').next().unwrap_or(pair));
    let has = |wanted: &str| names().any(|name| name.eq_ignore_ascii_case(wanted));
    has("X-Amz-Signature") || has("X-Amz-Algorithm") || (has("AWSAccessKeyId") && has("Signature"))
}

fn is_to_gateway(parts: &Parts, domains: &[String]) -> bool {
    let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = header.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)) else { return false };
    let host = without_port(host).to_ascii_lowercase();
    domains.iter().any(|domain| {
        let domain = without_port(domain).to_ascii_lowercase();
        host == domain || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_s3(&request.body(()).unwrap().into_parts().0, &["s3.example.com:8000".to_owned()])
    }

    #[test]
    fn signed_requests_and_those_to_the_gateway_are_s3() {
        assert!(check("/trips/main/a", &[("authorization", "AWS4-HMAC-SHA256 Credential=…")]));
        assert!(check("/trips/main/a", &[("authorization", "AWS AKLB:sig")]));
        assert!(check("/trips/main/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", &[]));
        assert!(check("/trips/main/a?AWSAccessKeyId=a&Expires=1&Signature=b", &[]));
        assert!(check("/", &[("host", "S3.example.com")]));
        assert!(check("/main/a", &[("host", "trips.s3.example.com:9000")]));
    }

    #[test]
    fn others_are_not() {
        assert!(!check("/api/v1/repositories", &[("authorization", "Bearer x")]));
        assert!(!check("/", &[("host", "evils3.example.com")]));
        assert!(!check("/x?Signature=b", &[("host", "example.com")]));
    }
}
