//! Whether a browser sent a request for a page of this server. Owns the judgement of what browsers say of a request's
//! origin, for requests that a login's cookie proves: browsers add it to requests that other sites' pages make too, should
//! `SameSite` fail (another port of the same host is the same site). Invariant: what no header vouches for isn't ours.
//!
//! <https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>

use axum::extract::Request;
use http::header::{HeaderName, ORIGIN, REFERER};
use http::{Method, Uri};
use object_http::request_host;

/// Says who made the browser send a request (W3C, "Fetch Metadata Request Headers"). Pages can't set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns whether the login's cookie may prove a request: it changes nothing, or a page of this server made it.
pub(super) fn may_use_cookie(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) || is_of_own_page(request)
}

fn is_of_own_page(request: &Request) -> bool {
    let headers = request.headers();
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        return sites.all(|site| site == "same-origin");
    }
    let Ok(Some(host)) = request_host(request.uri(), headers) else { return false };
    // An origin is sent with every change; older browsers send the referring page's URL alone.
    let name = if headers.contains_key(ORIGIN) { ORIGIN } else { REFERER };
    let mut pages = headers.get_all(name).iter().peekable();
    pages.peek().is_some() && pages.all(|page| page.to_str().is_ok_and(|page| is_of_host(page, host)))
}

/// The scheme may differ: a proxy in front speaks HTTPS.
fn is_of_host(page: &str, host: &str) -> bool {
    let page = page.parse::<Uri>().ok();
    let authority = page.as_ref().and_then(Uri::authority);
    authority.is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn may(method: &str, headers: &[(&str, &str)]) -> bool {
        let request = Request::builder().method(method).uri("/api/v1/repositories").header("host", "lake:8000");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        may_use_cookie(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn changes_come_from_own_pages() {
        for ours in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("origin", "http://lake:8000")],
            &[("origin", "https://LAKE:8000")],
            &[("referer", "http://lake:8000/page?x=1")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        ] {
            assert!(may("POST", ours), "{ours:?}");
        }
        for theirs in [
            &[][..],
            &[("origin", "http://evil.example")],
            &[("origin", "http://lake:8001")],
            &[("origin", "http://lake")],
            &[("origin", "null")],
            &[("origin", "http://lake:8000.evil.example")],
            &[("origin", "http://lake:8000"), ("origin", "http://evil.example")],
            &[("origin", "http://evil.example"), ("referer", "http://lake:8000/")],
            &[("referer", "http://evil.example/http://lake:8000/")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://lake:8000")],
            &[("sec-fetch-site", "none")],
        ] {
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                assert!(!may(method, theirs), "{method} {theirs:?}");
            }
            assert!(may("GET", theirs) && may("HEAD", theirs), "reading changes nothing");
        }
    }
}
