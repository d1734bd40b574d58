//! A request's head: how large it may be, and to which host it is sent. Owns the bound and the rule that all endpoints share;
//! leaves the refusal to them.

use http::{HeaderMap, Uri, header};
use thiserror::Error;

/// The most bytes of a request's path, query and headers together.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// A request that names more than one host: which of them counts would depend on who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the request names its host more than once: send one Host header, the same as HTTP/2's :authority")]
pub struct SeveralHosts;

/// Counts a head's bytes: target and headers, with what stands between a name and its value.
pub fn head_bytes(uri: &Uri, headers: &HeaderMap) -> usize {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    target + headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

/// Finds the host that a request is sent to, with its port: the `Host` header, or the authority of its target, as HTTP/2 has
/// it (RFC 9110, 7.2). `None` if it says neither in text.
///
/// # Errors
/// When there are several `Host` headers, or one that isn't the target's.
pub fn request_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<&'a str>, SeveralHosts> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let authority = uri.authority().map(|authority| authority.as_str());
    match (hosts.next(), hosts.next(), authority) {
        (_, Some(_), _) => Err(SeveralHosts),
        (Some(host), None, Some(authority)) if !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => {
            Err(SeveralHosts)
        }
        (Some(host), None, _) => Ok(host.to_str().ok()),
        (None, None, authority) => Ok(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_host() {
        let host = |uri: &str, hosts: &[&str]| {
            let headers = HeaderMap::from_iter(hosts.iter().map(|host| (header::HOST, host.parse().unwrap())));
            request_host(&uri.parse().unwrap(), &headers).map(|host| host.map(str::to_owned))
        };
        let lake = Ok(Some("lake:8000".to_owned()));
        assert_eq!(host("/x", &["lake:8000"]), lake);
        assert_eq!(host("http://lake:8000/x", &[]), lake);
        assert_eq!(host("http://LAKE:8000/x", &["lake:8000"]), lake);
        assert_eq!(host("/x", &[]), Ok(None));
        for (uri, hosts) in [
            ("/x", &["lake:8000", "lake:8000"][..]),
            ("/x", &["lake:8000", "other"]),
            ("http://lake:8000/x", &["other"]),
            ("http://lake:8000/x", &["lake"]),
        ] {
            assert_eq!(host(uri, hosts), Err(SeveralHosts), "{uri} {hosts:?}");
        }
    }
}
