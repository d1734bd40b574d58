//! Tests of `address`.

use http::Request;

use super::*;

fn address(uri: &str, host: Option<&str>) -> Result<Address, S3Error> {
    let mut request = Request::builder().uri(uri);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    Address::of(&request.body(()).unwrap().into_parts().0, &["s3.lake.test".into(), "localhost:8000".into()])
}

fn names(uri: &str, host: Option<&str>) -> (Option<String>, Option<String>, bool) {
    let address = address(uri, host).unwrap();
    (address.bucket, address.key, address.virtual_host)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn keys_are_taken_as_they_are() {
    for (uri, key) in [
        ("/b/main/a", "main/a"),
        ("/b//a", "/a"),
        ("/b/a//b/", "a//b/"),
        ("/b/./../a", "./../a"),
        ("/b/a+b", "a+b"),
        ("/b/a%2Bb%20c", "a+b c"),
        ("/b/a%2Fb", "a/b"),
        ("/b/a%252Fb", "a%2Fb"),
        ("/b/100%", "100%"),
        ("/b/%E6%97%A5", "日"),
        ("/b/a%00b", "a\0b"),
        ("/b/a;b=c&d", "a;b=c&d"),
    ] {
        assert_eq!(names(uri, Some("127.0.0.1:8000")), (some("b"), some(key), false), "{uri}");
    }
}

#[test]
fn buckets_stand_in_the_path_or_the_host() {
    assert_eq!(names("/", None), (None, None, false));
    assert_eq!(names("/b", None), (some("b"), None, false));
    assert_eq!(names("/b/", None), (some("b"), None, false));
    assert_eq!(names("/a/b", Some("trips.s3.lake.test")), (some("trips"), some("a/b"), true));
    assert_eq!(names("/", Some("TRIPS.S3.lake.test:443")), (some("trips"), None, true));
    assert_eq!(names("//a", Some("trips.localhost:8000")), (some("trips"), some("/a"), true));
    assert_eq!(names("/b/a", Some("s3.lake.test")), (some("b"), some("a"), false));
    assert_eq!(names("/b/a", Some("evils3.lake.test")), (some("b"), some("a"), false));
    // HTTP/2 has an authority instead of a host.
    assert_eq!(names("http://trips.s3.lake.test/a", None), (some("trips"), some("a"), true));
}

#[test]
fn what_names_nothing_is_refused() {
    assert_eq!(address("/b/%ff", None).unwrap_err().code(), ErrorCode::InvalidURI);
    assert_eq!(address("//a", None).unwrap_err().code(), ErrorCode::InvalidBucketName);
    let long = format!("/b/{}", "a".repeat(KEY_BYTES_MAX + 1));
    assert_eq!(address(&long, None).unwrap_err().code(), ErrorCode::KeyTooLongError);
}
