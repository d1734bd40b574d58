//! The API's authentication, through the SDK over real gRPC.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use lakebed_sdk::{Code, Credentials, Lakebed, Reason, S3Place};
use model::{Clock, Command, CreateCredential, CreateUser, RequestId, SystemClock, Timestamp, UserName};
use proto::api::{CallHead, DATE_HEADER, REASON_KEY, call_date};
use tower::ServiceExt;

use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

const WHO_AM_I: &str = "/lakebed.api.v1.Server/WhoAmI";

/// Calls a method with an empty message.
pub(crate) async fn call(lake: &TestLake, method: &str, authorization: Option<&str>) -> Response<axum::body::Body> {
    call_with(lake, method, authorization, &[]).await
}

/// Calls a method with a message.
pub(crate) async fn call_with(
    lake: &TestLake,
    method: &str,
    authorization: Option<&str>,
    message: &[u8],
) -> Response<axum::body::Body> {
    let mut request = Request::post(method).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let framed = axum::body::Body::from([&[0], &length[..], message].concat());
    lake.api.grpc().oneshot(request.body(framed).unwrap()).await.unwrap()
}

pub(crate) fn status(response: &Response<axum::body::Body>) -> Option<&str> {
    response.headers().get("grpc-status").map(|status| status.to_str().unwrap())
}

/// Every method of the public API, read from its `.proto` files.
pub(crate) fn methods() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto/lakebed/api/v1");
    let mut methods = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut service = String::new();
        for line in text.lines() {
            let words: Vec<_> = line.trim().split([' ', '(']).collect();
            match words[..] {
                ["service", name, ..] => service = name.to_owned(),
                ["rpc", name, ..] => methods.push(format!("/lakebed.api.v1.{service}/{name}")),
                _ => {}
            }
        }
    }
    methods.sort();
    methods
}

#[tokio::test]
async fn nothing_but_health_answers_nobody() {
    let lake = TestLake::new().await;
    let methods = methods();
    assert!(methods.len() >= 28, "{methods:?}");
    let wrong = format!("Basic {}", STANDARD.encode(format!("{ACCESS_KEY_ID}:wrong")));
    let unknown = format!("Basic {}", STANDARD.encode(format!("AKLBNOBODY:{SECRET_ACCESS_KEY}")));
    let attempts = [None, Some(wrong.as_str()), Some(&unknown), Some("Bearer abc"), Some("Basic"), Some("")];
    for method in methods.iter().map(String::as_str).chain(["/lakebed.api.v1.Objects/Forgotten", "/", "/metrics"]) {
        for authorization in attempts {
            let response = call(&lake, method, authorization).await;
            if method == "/lakebed.api.v1.Server/Health" {
                assert_ne!(status(&response), Some("16"));
                continue;
            }
            if response.headers()[REASON_KEY] == "TOO_MANY_ATTEMPTS" {
                // Guesses are slowed down after a while; without one they aren't.
                assert_eq!((status(&response), authorization.map(str::len) > Some(10)), (Some("8"), true));
                continue;
            }
            assert_eq!(status(&response), Some("16"), "{method} with {authorization:?}");
            assert_eq!(response.headers()[REASON_KEY], "UNAUTHENTICATED");
        }
    }
}

#[tokio::test]
async fn every_method_answers_a_caller_with_a_key() {
    let lake = TestLake::new().await;
    let right = format!("Basic {}", STANDARD.encode(format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}")));
    for method in methods() {
        let response = call(&lake, &method, Some(&right)).await;
        // Empty messages are mostly invalid; what matters is that the method exists and lets the caller in.
        assert!(!matches!(status(&response), Some("16" | "12")), "{method}: {:?}", status(&response));
    }
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_look_the_same() {
    let lake = TestLake::new().await;
    let attempt = async |id: &str, secret: &str| {
        let lakebed = Lakebed::connect(&lake.endpoint(), Credentials::new(id, secret)).await.unwrap();
        lakebed.health().await.unwrap();
        lakebed.who_am_i().await.unwrap_err()
    };
    let wrong = attempt(ACCESS_KEY_ID, "wrong").await;
    let unknown = attempt("AKLBNOBODY", SECRET_ACCESS_KEY).await;
    assert_eq!((wrong.code, wrong.reason), (Code::Unauthenticated, Reason::Unauthenticated));
    assert_eq!(wrong, unknown);
    assert!(!format!("{wrong:?}").contains(SECRET_ACCESS_KEY));
}

#[tokio::test]
async fn guesses_don_t_lock_the_owner_out() {
    let lake = TestLake::new().await;
    let guess = async |secret: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("{ACCESS_KEY_ID}:{secret}")));
        call(&lake, WHO_AM_I, Some(&basic)).await
    };
    for _ in 0..=auth::FAILURES_MAX {
        guess("wrong").await;
    }
    assert_eq!(guess("wrong").await.headers()[REASON_KEY], "TOO_MANY_ATTEMPTS");
    assert_eq!(status(&guess(SECRET_ACCESS_KEY).await), None, "the right secret, from the same address");
    lake.lakebed.who_am_i().await.expect("and a signature by it");
    let wrong = Lakebed::connect(&lake.endpoint(), Credentials::new(ACCESS_KEY_ID, "wrong")).await.unwrap();
    let mut reasons = vec![];
    for _ in 0..4 * auth::FAILURES_MAX {
        reasons.push(wrong.who_am_i().await.unwrap_err().reason);
    }
    assert!(reasons.contains(&Reason::TooManyAttempts), "signatures are guesses too: {reasons:?}");
}

#[tokio::test]
async fn a_signature_counts_for_its_host_its_method_and_a_quarter_of_an_hour() {
    let lake = TestLake::new().await;
    let send = async |(host, path): (&str, &str), at: Timestamp| {
        let date = call_date(at);
        let head = CallHead { host: "lake.example:8000", path: WHO_AM_I, date: &date, session_token: None };
        let request = Request::post(format!("http://{host}{path}"))
            .header("content-type", "application/grpc")
            .header("authorization", head.sign(ACCESS_KEY_ID, &SECRET_ACCESS_KEY.into()))
            .header(DATE_HEADER, date);
        let answer = lake.api.grpc().oneshot(request.body(axum::body::Body::from(vec![0; 5])).unwrap()).await.unwrap();
        (status(&answer).map(str::to_owned), answer)
    };
    let (now, right) = (SystemClock.now(), ("lake.example:8000", WHO_AM_I));
    let minutes = |minutes: i64| Timestamp::from_millis(now.as_millis() + minutes * 60_000);
    let refused = Some("16".to_owned());
    for at in [minutes(0), minutes(-14), minutes(14)] {
        assert_eq!(send(right, at).await.0, None);
    }
    for at in [minutes(-16), minutes(16)] {
        let (status, answer) = send(right, at).await;
        assert!(answer.headers()["grpc-message"].to_str().unwrap().contains("clocks"), "{answer:?}");
        assert_eq!(status, refused);
    }
    assert_eq!(send(("other.example:8000", WHO_AM_I), now).await.0, refused);
    assert_eq!(send((right.0, "/lakebed.api.v1.Server/Version"), now).await.0, refused);
}

#[tokio::test]
async fn the_server_knows_its_caller_and_itself() {
    let lake = TestLake::new().await;
    let me = lake.lakebed.who_am_i().await.unwrap();
    assert_eq!((me.user_name.as_str(), me.access_key_id.as_str()), ("admin", ACCESS_KEY_ID));
    assert_eq!(me.s3, S3Place::At("https://s3.lake.example".to_owned()));
    let nobody = Lakebed::connect(&lake.endpoint(), Credentials::none()).await.unwrap();
    assert_eq!(nobody.health().await.unwrap().installation, lake.secrets.installation_id());
    assert_eq!(nobody.who_am_i().await.unwrap_err().reason, Reason::Unauthenticated);
    assert_eq!(lake.lakebed.version().await.unwrap(), env!("CARGO_PKG_VERSION"));

    let shown = format!("{:?}", lake.lakebed);
    let pair = STANDARD.encode(format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"));
    assert!(!shown.contains(SECRET_ACCESS_KEY) && !shown.contains(&pair), "{shown}");
}

#[tokio::test]
async fn a_key_that_another_encryption_key_sealed_is_the_operator_s_matter() {
    let lake = TestLake::new().await;
    let name: UserName = "bob".parse().unwrap();
    let user = lake
        .graveler
        .meta()
        .write(Command::CreateUser(CreateUser {
            request: RequestId(1),
            name,
            first_key: None,
            groups: vec![],
            only_first: false,
        }))
        .await
        .unwrap()
        .user()
        .unwrap();
    let secret = auth::SecretBox::new(&[8; 32]).seal("AKLBBOB", &"bobs-secret".into());
    let command = Command::CreateCredential(CreateCredential {
        request: RequestId(2),
        user: user.id,
        access_key_id: "AKLBBOB".into(),
        secret,
    });
    lake.graveler.meta().write(command).await.unwrap().credential().unwrap();
    let bob = Lakebed::connect(&lake.endpoint(), Credentials::new("AKLBBOB", "bobs-secret")).await.unwrap();
    let error = bob.who_am_i().await.unwrap_err();
    assert_eq!(error.code, Code::Internal);
    assert!(error.message.contains("LAKEBED_ENCRYPTION_KEY"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let error = Lakebed::connect("http://127.0.0.1:1", Credentials::new("a", "b")).await.unwrap_err();
    assert_eq!((error.code, error.reason), (Code::Unavailable, Reason::Unreachable));
    assert!(error.message.contains("http://127.0.0.1:1"), "{error}");
    let error = Lakebed::connect("ftp://127.0.0.1", Credentials::new("a", "b")).await.unwrap_err();
    assert_eq!(error.reason, Reason::InvalidArgument);
}
