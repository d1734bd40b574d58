//! Pre-signed URLs of both signature versions, and version 2 in headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use s3_gateway::GatewayOptions;
use s3_gateway::protocol::presign::Presign;
use sha1::Sha1;

use crate::client::{Keys, Res, send};
use crate::harness::TestGateway;

async fn open(s3: &TestGateway, method: Method, target: &str, body: &'static str) -> Res {
    let headers = [("host".to_owned(), s3.addr.to_string())];
    send(s3.addr, method, target, &headers, Bytes::from_static(body.as_bytes()), None).await
}

#[tokio::test]
async fn version_four_urls_read_and_write() {
    let s3 = TestGateway::start().await;
    let hour = Duration::from_secs(3600);
    let put = s3.on(Method::PUT, "main/a b+c").presigned(hour);
    open(&s3, Method::PUT, &put, "bytes").await.expect(200);
    let get = s3.get("main/a b+c").query(&[("response-content-type", "text/csv")]).presigned(hour);
    let got = open(&s3, Method::GET, &get, "").await.expect(200);
    assert_eq!((got.text(), got.get("content-type")), ("bytes", "text/csv"));
}

#[tokio::test]
async fn the_urls_that_are_signed_here_are_those_that_are_verified() {
    let s3 = TestGateway::start().await;
    let endpoint = format!("http://{}", s3.addr);
    let presign = Presign {
        endpoint: &endpoint,
        method: &Method::PUT,
        bucket: "trips",
        key: "main/a b+c/~é%2F",
        access_key_id: &s3.keys.id,
        secret_access_key: &s3.keys.secret.clone().into(),
        session_token: None,
        at: Utc::now(),
        expires_seconds: 60,
    };
    let target = |presign: Presign<'_>| presign.url().unwrap().replace(&endpoint, "");
    open(&s3, Method::PUT, &target(presign.clone()), "bytes").await.expect(200);
    open(&s3, Method::GET, &target(presign.clone()), "").await.expect_error(403, "SignatureDoesNotMatch");
    let get = Presign { method: &Method::GET, ..presign.clone() };
    assert_eq!(open(&s3, Method::GET, &target(get.clone()), "").await.expect(200).text(), "bytes");
    let past = Presign { at: Utc::now() - chrono::Duration::seconds(120), ..get };
    open(&s3, Method::GET, &target(past), "").await.expect_error(403, "AccessDenied");
    assert_eq!(s3.keys_on("main").await, ["main/a b+c/~é%2F"]);
}

#[tokio::test]
async fn version_four_urls_end_and_cant_be_changed() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a", "main/b"]).await;
    let mut old = s3.get("main/a");
    old.time = SystemTime::now() - Duration::from_secs(120);
    let expired = open(&s3, Method::GET, &old.presigned(Duration::from_secs(60)), "").await;
    expired.expect_error(403, "AccessDenied");
    let long = s3.get("main/a").presigned(Duration::from_secs(8 * 24 * 3600));
    assert_eq!(open(&s3, Method::GET, &long, "").await.status, 400);
    let url = s3.get("main/a").presigned(Duration::from_secs(60));
    open(&s3, Method::GET, &url, "").await.expect(200);
    let other_key = url.replace("/main/a?", "/main/b?");
    open(&s3, Method::GET, &other_key, "").await.expect_error(403, "SignatureDoesNotMatch");
    open(&s3, Method::DELETE, &url, "").await.expect_error(403, "SignatureDoesNotMatch");
    let more = format!("{url}&response-content-type=text/html");
    open(&s3, Method::GET, &more, "").await.expect_error(403, "SignatureDoesNotMatch");
    assert_eq!(s3.keys_on("main").await, ["main/a", "main/b"]);
}

pub(crate) fn hmac_sha1(keys: &Keys, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(keys.secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}

/// A URL as botocore signs it with version 2.
fn version_two(s3: &TestGateway, method: &str, key: &str, expires: u64) -> String {
    let path = format!("/trips/{}", crate::client::encoded(key));
    let text = format!("{method}\n\n\n{expires}\n{path}");
    let signature = hmac_sha1(&s3.keys, &text);
    let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
    format!("{path}?AWSAccessKeyId={}&Signature={signature}&Expires={expires}", s3.keys.id)
}

#[tokio::test]
async fn version_two_urls_are_for_one_object() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    let head = version_two(&s3, "HEAD", "main/a", now() + 60);
    open(&s3, Method::HEAD, &head, "").await.expect(200);
    let list = version_two(&s3, "GET", "", now() + 60);
    for more in ["", "&prefix=main/", "&list-type=2&prefix=other/"] {
        open(&s3, Method::GET, &format!("{list}{more}"), "").await.expect_error(400, "InvalidRequest");
    }
    let delete = version_two(&s3, "DELETE", "main/a", now() + 60);
    open(&s3, Method::DELETE, &delete, "").await.expect_error(400, "InvalidRequest");
    assert_eq!(s3.keys_on("main").await, ["main/a"]);
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn version_two_urls_read_and_write_until_they_end() {
    let s3 = TestGateway::start().await;
    let put = version_two(&s3, "PUT", "main/a b", now() + 60);
    open(&s3, Method::PUT, &put, "bytes").await.expect(200);
    let get = version_two(&s3, "GET", "main/a b", now() + 60);
    assert_eq!(open(&s3, Method::GET, &get, "").await.expect(200).text(), "bytes");
    open(&s3, Method::DELETE, &get, "").await.expect_error(403, "SignatureDoesNotMatch");
    let expired = version_two(&s3, "GET", "main/a b", now() - 60);
    open(&s3, Method::GET, &expired, "").await.expect_error(403, "AccessDenied");
    let endless = version_two(&s3, "GET", "main/a b", now() + 30 * 24 * 3600);
    let refused = open(&s3, Method::GET, &endless, "").await;
    assert!(refused.status.is_client_error(), "{refused:?}");
}

/// Sends a request that is signed with version 2 in its header; what `amz` has is signed, and `more` isn't.
async fn by_header(s3: &TestGateway, method: Method, target: &str, amz: &[(&str, &str)], more: &str) -> Res {
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let lines: String = amz.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let signature = hmac_sha1(&s3.keys, &format!("{method}\n\n\n{date}\n{lines}{target}"));
    let mut headers = vec![("host".to_owned(), s3.addr.to_string()), ("date".to_owned(), date)];
    headers.push(("authorization".to_owned(), format!("AWS {}:{signature}", s3.keys.id)));
    headers.extend(amz.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    send(s3.addr, method, &format!("{target}{more}"), &headers, Bytes::from_static(b""), None).await
}

#[tokio::test]
async fn version_two_in_a_header_needs_leave_and_lists_nothing() {
    let strict = TestGateway::start().await;
    by_header(&strict, Method::GET, "/trips/main/a", &[], "").await.expect_error(400, "InvalidRequest");
    let s3 = TestGateway::start_with(GatewayOptions { signature_v2: true, ..GatewayOptions::default() }).await;
    s3.put_all(&["main/a"]).await;
    let on = async |method, target, amz: &[(&str, &str)], more| by_header(&s3, method, target, amz, more).await;
    assert_eq!(on(Method::GET, "/trips/main/a", &[], "").await.expect(200).text(), "main/a");
    on(Method::PUT, "/trips/main/b", &[("x-amz-meta-a", "b")], "").await.expect(200);
    on(Method::PUT, "/trips/main/c", &[("x-amz-copy-source", "/trips/main/a")], "").await.expect(200);
    on(Method::DELETE, "/trips/main/b", &[], "").await.expect(204);
    on(Method::POST, "/trips/main/d?uploads", &[], "").await.expect(200);
    on(Method::HEAD, "/trips", &[], "").await.expect(200);
    for (target, more) in [("/trips", "?prefix=main/"), ("/trips", ""), ("/trips?uploads", ""), ("/", "")] {
        on(Method::GET, target, &[], more).await.expect_error(400, "InvalidRequest");
    }
    let overridden = on(Method::GET, "/trips/main/a", &[], "?response-content-type=text/html").await;
    overridden.expect_error(403, "SignatureDoesNotMatch");
    on(Method::GET, "/trips/main/a", &[], "?x=1").await.expect_error(501, "NotImplemented");
    assert_eq!(s3.keys_on("main").await, ["main/a", "main/c"]);
}
