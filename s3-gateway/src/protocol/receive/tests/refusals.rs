//! What must be refused although, or because, its signature is right or absent.

use proptest::prelude::*;

use super::oracle::{self, Signed};
use super::*;

fn code(signed: &Signed) -> ErrorCode {
    oracle::receive(signed).unwrap_err().code()
}

fn get() -> Signed {
    Signed::new("GET", "/trips/main/a?response-expires=x", &[("x-amz-meta-a", "b")])
}

#[test]
fn unsigned_requests() {
    assert_eq!(receive(&parts("GET", "/", &[]), oracle::NOW).unwrap_err().code(), ErrorCode::AccessDenied);
    for authorization in ["AWS AKIAIOSFODNN7EXAMPLE:c2ln", "Basic dTpw", "Bearer x", "AWS4-HMAC-SHA256"] {
        let headers = [("host", "h"), ("authorization", authorization)];
        let error = receive(&parts("GET", "/", &headers), oracle::NOW).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidRequest, "{authorization}");
    }
    let headers = [("host", "h"), ("authorization", "AWS4-ECDSA-P256-SHA256 Credential=x")];
    let error = receive(&parts("GET", "/", &headers), oracle::NOW).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotImplemented);
}

#[test]
fn the_untouched_request_is_accepted() {
    assert!(oracle::receive(&get().sign()).is_ok());
    assert!(oracle::receive(&get().pre_sign(604_800)).is_ok());
}

#[test]
fn headers_that_are_not_signed() {
    for signed in [get().sign(), get().pre_sign(60)] {
        let mut changed = signed.clone();
        changed.headers.push(("x-amz-copy-source".into(), "trips/main/secret".into()));
        assert_eq!(code(&changed), ErrorCode::AccessDenied);
        // Others may come and go: proxies add some.
        let mut changed = signed;
        changed.headers.push(("user-agent".into(), "x".into()));
        assert!(oracle::receive(&changed).is_ok());
    }
    // Without a signed host, a request for one server works at another.
    let mut changed = get().sign();
    changed.edit_header("authorization", |text| text.replace("host;", ""));
    assert_eq!(code(&changed), ErrorCode::AccessDenied);
}

/// Signatures sort the query: the same one would cover either order, of which each means something else.
#[test]
fn parameters_with_several_values() {
    for query in ["list-type=2&prefix=a&prefix=b", "prefix=b&prefix=a&list-type=2"] {
        let signed = Signed::new("GET", &format!("/trips?{query}"), &[]);
        assert_eq!(code(&signed.clone().sign()), ErrorCode::InvalidRequest, "{query}");
        assert_eq!(code(&signed.pre_sign(60)), ErrorCode::InvalidRequest, "{query}");
    }
    assert!(oracle::receive(&Signed::new("GET", "/trips?prefix=a&prefix=a", &[]).sign()).is_ok());
}

#[test]
fn dates() {
    for (minutes, refused) in [(-16, true), (-14, false), (0, false), (14, false), (16, true)] {
        let time = oracle::now_offset(minutes * 60);
        let received = oracle::receive(&get().at(time).sign());
        let code = received.err().map(|error| error.code());
        assert_eq!(code, refused.then_some(ErrorCode::RequestTimeTooSkewed), "{minutes}");
    }
    // The day of the scope is that of the date, whatever the date header says.
    let mut changed = get().sign();
    changed.edit_header("authorization", |text| text.replace("/20261120/", "/20261119/"));
    assert_eq!(code(&changed), ErrorCode::AuthorizationHeaderMalformed);
    let mut changed = get().sign();
    changed.headers.retain(|(name, _)| name != "x-amz-date");
    assert_eq!(code(&changed), ErrorCode::AccessDenied);
    for (seconds, end, refused) in [(60, -59, false), (60, -61, true), (604_800, -604_799, false)] {
        let signed = get().at(oracle::now_offset(end)).pre_sign(seconds);
        assert_eq!(oracle::receive(&signed).is_err(), refused, "{seconds} {end}");
    }
    assert_eq!(code(&get().pre_sign(604_801)), ErrorCode::AuthorizationQueryParametersError);
    assert_eq!(code(&get().at(oracle::now_offset(16 * 60)).pre_sign(60)), ErrorCode::AccessDenied);
    for expires in ["0", "-1", "+60", "x", "99999999999999999999"] {
        let mut changed = get().pre_sign(60);
        changed.uri = changed.uri.replace("X-Amz-Expires=60", &format!("X-Amz-Expires={expires}"));
        assert_eq!(code(&changed), ErrorCode::AuthorizationQueryParametersError, "{expires}");
    }
}

#[test]
fn other_services_regions_and_keys() {
    assert!(oracle::receive(&get().region("eu-central-1").sign()).is_ok());
    assert!(oracle::receive(&get().region("mars").pre_sign(60)).is_ok());
    let mut signed = get();
    signed.service = "sts";
    assert_eq!(code(&signed.clone().sign()), ErrorCode::AuthorizationHeaderMalformed);
    assert_eq!(code(&signed.pre_sign(60)), ErrorCode::AuthorizationQueryParametersError);
    let mut changed = get().sign();
    changed.edit_header("authorization", |text| text.replace(KEY, "AKIDOTHER"));
    assert_eq!(code(&changed), ErrorCode::InvalidAccessKeyId);
    let mut signed = get();
    signed.secret = "another";
    assert_eq!(code(&signed.sign()), ErrorCode::SignatureDoesNotMatch);
}

#[test]
fn tokens_and_two_mechanisms() {
    let with = |token| Signed::new("GET", "/trips", &[("x-amz-security-token", token)]);
    let taken = oracle::receive(&with(TOKEN).sign()).unwrap();
    assert!(!taken.headers.contains_key("x-amz-security-token"), "it goes no further");
    assert_eq!(code(&with("other").sign()), ErrorCode::InvalidToken);
    let mut added = get().sign();
    added.headers.push(("x-amz-security-token".into(), TOKEN.into()));
    assert_eq!(code(&added), ErrorCode::AccessDenied, "it must be signed");
    let mut added = get().pre_sign(60);
    added.uri.push_str("&X-Amz-Security-Token=t");
    assert_eq!(code(&added), ErrorCode::SignatureDoesNotMatch, "there too");
    let mut twice = with(TOKEN).sign();
    twice.uri.push_str("?x-amz-security-token=t");
    assert_eq!(code(&twice), ErrorCode::InvalidRequest);
    let mut both = get().sign();
    both.uri = get().pre_sign(60).uri;
    assert_eq!(code(&both), ErrorCode::InvalidArgument);
    let mut both = get().pre_sign(60);
    both.uri.push_str("&AWSAccessKeyId=a&Signature=b&Expires=1");
    assert_eq!(code(&both), ErrorCode::InvalidArgument);
    let mut twice = get().sign();
    let authorization = twice.headers.iter().find(|(name, _)| name == "authorization").unwrap().clone();
    twice.headers.push(authorization);
    assert_eq!(code(&twice), ErrorCode::InvalidArgument);
    let mut twice = get().pre_sign(60);
    twice.uri.push_str("&X-Amz-Expires=60");
    assert_eq!(code(&twice), ErrorCode::AuthorizationQueryParametersError);
    let mut twice = get().sign();
    twice.headers.push(("host".into(), "other".into()));
    assert_eq!(code(&twice), ErrorCode::InvalidRequest);
}

#[test]
fn payload_modes() {
    let mut changed = get().sign();
    changed.headers.retain(|(name, _)| name != "x-amz-content-sha256");
    assert_eq!(code(&changed), ErrorCode::InvalidRequest);
    for (mode, expected) in [
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", ErrorCode::NotImplemented),
        ("STREAMING-UNSIGNED-PAYLOAD", ErrorCode::InvalidArgument),
        ("", ErrorCode::InvalidArgument),
    ] {
        let mut signed = get();
        signed.payload = mode.to_owned();
        assert_eq!(code(&signed.sign()), expected, "{mode}");
    }
}

/// SDKs move headers into a pre-signed URL; they count as if they had been sent, but for checksums of no body.
#[test]
fn headers_in_a_pre_signed_url() {
    let signed = Signed::new(
        "PUT",
        "/trips/main/a?x-amz-meta-a=b%20c&X-Amz-Storage-Class=STANDARD&x-amz-checksum-crc32=AAAAAA%3D%3D\
         &x-amz-sdk-checksum-algorithm=CRC32",
        &[],
    );
    let request = oracle::receive(&signed.pre_sign(60)).unwrap();
    assert_eq!(request.headers["x-amz-meta-a"], "b c");
    assert_eq!(request.headers["x-amz-storage-class"], "STANDARD");
    assert!(!request.has_body_digest() && !request.headers.contains_key("x-amz-sdk-checksum-algorithm"));
    let signed = Signed::new("PUT", "/trips/main/a?x-amz-copy-source=trips%2Fmain%2Fb", &[]);
    assert_eq!(oracle::receive(&signed.pre_sign(60)).unwrap().operation.name(), "CopyObject");
}

#[test]
fn keys_that_cannot_be_read() {
    struct Down;
    #[async_trait]
    impl KeyLookup for Down {
        async fn secret(&self, _: &str, _: Option<&str>) -> Result<Option<SecretString>, S3Error> {
            Err(ErrorCode::ServiceUnavailable.into())
        }
    }
    let signed = get().sign();
    let received = block_on(Receiver::new(vec![]).receive(&signed.parts(), &Down, oracle::NOW.parse().unwrap()));
    assert_eq!(received.unwrap_err().code(), ErrorCode::ServiceUnavailable);
}

/// Whatever a stranger writes into the places that are parsed, it ends in a refusal.
#[derive(Debug, Clone)]
enum Noise {
    Authorization(String),
    Query(String),
}

fn noise() -> impl Strategy<Value = Noise> {
    prop_oneof![
        "[ -~]{0,80}".prop_map(Noise::Authorization),
        "(Credential|SignedHeaders|Signature|=|,|;|/|[a-z0-9]{0,5}| ){0,20}"
            .prop_map(|text| Noise::Authorization(format!("AWS4-HMAC-SHA256 {text}"))),
        "(X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)=(AWS4-HMAC-SHA256|[a-zA-Z0-9/%;]{0,20})&){0,8}"
            .prop_map(Noise::Query),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn noise_is_refused_and_never_panics(noise in noise()) {
        let (uri, authorization) = match noise {
            Noise::Authorization(text) => ("/trips".to_owned(), text),
            Noise::Query(text) => (format!("/trips?{text}"), String::new()),
        };
        let mut headers = vec![("host", "h"), ("x-amz-date", "20261120T093000Z"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
        if !authorization.is_empty() {
            headers.push(("authorization", &authorization));
        }
        prop_assert!(receive(&parts("GET", &uri, &headers), oracle::NOW).is_err());
    }
}
