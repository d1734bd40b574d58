//! Who may what over S3: each key of a batch, both ends of a copy, what a listing shows, and sessions.

use std::time::Duration;

use auth::{PolicyDocument, SecretBox, SessionClaims, generate_session_credentials};
use http::Method;
use model::{Clock, GetCredential, SystemClock, Timestamp};
use secrecy::ExposeSecret;

use crate::client::Keys;
use crate::harness::TestGateway;

const IN: &str =
    r#"{"effect": "allow", "action": ["fs:*"], "resource": "arn:lakefs:fs:::repository/trips/object/in/*"}"#;
const REPOSITORY: &str =
    r#"{"effect": "allow", "action": ["fs:ReadRepository"], "resource": "arn:lakefs:fs:::repository/trips"}"#;
const LIST: &str = r#"{"effect": "allow", "action": ["fs:ListRepositories"], "resource": "*"}"#;

fn statements(of: &[&str]) -> String {
    of.join(", ")
}

async fn at(gateway: &TestGateway) {
    gateway.put_all(&["main/in/a", "main/in/b", "main/out/a"]).await;
}

#[tokio::test]
async fn objects_are_judged_one_by_one() {
    let gateway = TestGateway::start().await;
    at(&gateway).await;
    let ann = gateway.by(&gateway.user_with("ann", &statements(&[IN, REPOSITORY])).await);
    ann.on(Method::GET, "main/in/a").send().await.expect(200);
    ann.on(Method::PUT, "main/in/c").body("c").send().await.expect(200);
    for (method, key) in [(Method::GET, "main/out/a"), (Method::PUT, "main/out/b"), (Method::DELETE, "main/out/a")] {
        ann.on(method, key).send().await.expect_error(403, "AccessDenied");
    }
    ann.on(Method::HEAD, "main/out/a").send().await.expect(403);
    ann.request(Method::GET, "/trips").send().await.expect_error(403, "AccessDenied");
    ann.request(Method::GET, "/trips?list-type=2&prefix=main/in/").send().await.expect_error(403, "AccessDenied");
    ann.request(Method::GET, "/").send().await.expect_error(403, "AccessDenied");
    ann.request(Method::PUT, "/mine").send().await.expect_error(403, "AccessDenied");
    ann.request(Method::POST, "/trips/main/out/m?uploads").send().await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_batch_is_judged_key_by_key() {
    let gateway = TestGateway::start().await;
    at(&gateway).await;
    let ann = gateway.by(&gateway.user_with("ann", &statements(&[IN, REPOSITORY])).await);
    let body = "<Delete><Object><Key>main/in/a</Key></Object><Object><Key>main/out/a</Key></Object></Delete>";
    let request =
        ann.request(Method::POST, "/trips?delete").header("content-md5", crate::client::content_md5(body.as_bytes()));
    let answer = request.body(body).send().await.expect(200);
    assert_eq!(answer.all("Key"), ["main/in/a", "main/out/a"]);
    assert_eq!(answer.one("Code"), "AccessDenied");
    assert_eq!(gateway.keys_on("main").await, ["main/in/b", "main/out/a"]);
}

#[tokio::test]
async fn a_copy_needs_rights_on_both_ends() {
    let gateway = TestGateway::start().await;
    at(&gateway).await;
    let ann = gateway.by(&gateway.user_with("ann", IN).await);
    let copy = async |from: &str, to: &str| {
        let source = format!("trips/{from}");
        ann.on(Method::PUT, to).header("x-amz-copy-source", source).send().await
    };
    copy("main/in/a", "main/in/copy").await.expect(200);
    copy("main/out/a", "main/in/stolen").await.expect_error(403, "AccessDenied");
    copy("main/in/a", "main/out/copy").await.expect_error(403, "AccessDenied");
    let begun = ann.request(Method::POST, "/trips/main/in/parts?uploads").send().await.expect(200);
    let part = format!("/trips/main/in/parts?partNumber=1&uploadId={}", begun.one("UploadId"));
    let part = ann.request(Method::PUT, &part).header("x-amz-copy-source", "trips/main/out/a");
    part.send().await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn buckets_that_one_may_not_see_are_not_listed() {
    let gateway = TestGateway::start().await;
    gateway.request(Method::PUT, "/another").send().await.expect(200);
    let ann = gateway.by(&gateway.user_with("ann", &statements(&[LIST, REPOSITORY])).await);
    assert_eq!(ann.request(Method::GET, "/").send().await.expect(200).all("Name"), ["trips"]);
    assert_eq!(gateway.request(Method::GET, "/").send().await.expect(200).all("Name"), ["another", "trips"]);
    ann.request(Method::HEAD, "/another").send().await.expect(403);
}

/// A session of the administrator's, as the API server gives it out.
pub(crate) async fn session(gateway: &TestGateway, begun: Timestamp, policy: Option<PolicyDocument>) -> Keys {
    sealed_session(gateway, &SecretBox::new(&[7; 32]), begun, policy).await
}

/// The same, of an installation with this key.
pub(crate) async fn sealed_session(
    gateway: &TestGateway,
    secrets: &SecretBox,
    begun: Timestamp,
    policy: Option<PolicyDocument>,
) -> Keys {
    let access_key_id = gateway.keys.id.clone();
    let answer = gateway.graveler.meta().ask(GetCredential { access_key_id: access_key_id.clone() }).await;
    let user = answer.unwrap().user;
    let keys = generate_session_credentials();
    let claims = SessionClaims {
        key: Some(access_key_id),
        policy: policy.map(|policy| policy.to_text()),
        ..SessionClaims::new(user.id, begun, 900)
    };
    let token = claims.seal(secrets, &keys.access_key_id, &keys.secret_access_key);
    let secret = keys.secret_access_key.expose_secret().to_owned();
    Keys { id: keys.access_key_id, secret, token: Some(token) }
}

#[tokio::test]
async fn sessions_work_in_headers_and_in_urls() {
    let gateway = TestGateway::start().await;
    at(&gateway).await;
    let keys = session(&gateway, SystemClock.now(), None).await;
    let by = gateway.by(&keys);
    by.on(Method::PUT, "main/in/s").body("s").send().await.expect(200);
    let url = by.on(Method::GET, "main/in/s").presigned(Duration::from_secs(60));
    assert!(url.contains("X-Amz-Security-Token="), "{url}");
    let anybody = gateway.request(Method::GET, &url).send_unsigned().await;
    assert_eq!(anybody.expect(200).text(), "s");
    let cut = url.split('&').filter(|pair| !pair.starts_with("X-Amz-Security-Token")).collect::<Vec<_>>().join("&");
    gateway.request(Method::GET, &cut).send_unsigned().await.expect_error(403, "InvalidAccessKeyId");

    let without = Keys { token: None, ..keys.clone() };
    gateway.by(&without).on(Method::GET, "main/in/s").send().await.expect_error(403, "InvalidAccessKeyId");
    let other = Keys { token: session(&gateway, SystemClock.now(), None).await.token, ..keys.clone() };
    gateway.by(&other).on(Method::GET, "main/in/s").send().await.expect_error(400, "InvalidToken");
    let wrong = Keys { secret: "wrong".into(), ..keys.clone() };
    gateway.by(&wrong).on(Method::GET, "main/in/s").send().await.expect_error(403, "SignatureDoesNotMatch");
    let long_ago = Timestamp::from_millis(SystemClock.now().as_millis() - 901_000);
    let expired = session(&gateway, long_ago, None).await;
    gateway.by(&expired).on(Method::GET, "main/in/s").send().await.expect_error(400, "ExpiredToken");
}

#[tokio::test]
async fn a_narrowed_session_sees_its_branch_and_prefix_only() {
    let gateway = TestGateway::start().await;
    at(&gateway).await;
    gateway.commit("main").await;
    gateway.create_branch("dev", "main").await;
    let policy = PolicyDocument::of_prefix(&crate::harness::name(), Some("main"), "in/", true).unwrap();
    let by = gateway.by(&session(&gateway, SystemClock.now(), Some(policy)).await);
    by.on(Method::GET, "main/in/a").send().await.expect(200);
    by.on(Method::GET, "main~0/in/a").send().await.expect(200);
    for key in ["main/out/a", "dev/in/a"] {
        by.on(Method::GET, key).send().await.expect_error(403, "AccessDenied");
    }
    by.on(Method::PUT, "main/in/n").body("n").send().await.expect_error(403, "AccessDenied");
    let list = async |prefix: &str| by.request(Method::GET, "/trips").query(&[("prefix", prefix)]).send().await;
    assert_eq!(list("main/in/").await.expect(200).all("Key"), ["main/in/a", "main/in/b"]);
    for prefix in ["main/", "dev/in/", "main/out/", ""] {
        list(prefix).await.expect_error(403, "AccessDenied");
    }
}

/// Asks STS for keys.
async fn sts(gateway: &TestGateway, keys: &Keys, form: &str) -> crate::client::Res {
    let request = gateway.by(keys).request(Method::POST, "/").body(form.to_owned());
    let request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    crate::client::Req { service: "sts", ..request }.send().await
}

fn keys_of(answer: &crate::client::Res) -> Keys {
    Keys {
        id: answer.one("AccessKeyId"),
        secret: answer.one("SecretAccessKey"),
        token: Some(answer.one("SessionToken")),
    }
}

#[tokio::test]
async fn sts_gives_out_keys_that_are_narrowed_and_end() {
    let gateway = TestGateway::start().await;
    at(&gateway).await;
    let plain = sts(&gateway, &gateway.keys, "Action=GetSessionToken&Version=2011-06-15").await.expect(200);
    assert!(plain.text().contains("<GetSessionTokenResult><Credentials>"), "{}", plain.text());
    gateway.by(&keys_of(&plain)).on(Method::PUT, "main/in/s").body("s").send().await.expect(200);

    let policy = PolicyDocument::of_prefix(&crate::harness::name(), None, "in/", true).unwrap().to_text();
    let policy = percent_encoding::utf8_percent_encode(&policy, percent_encoding::NON_ALPHANUMERIC);
    let form = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&RoleSessionName=job&\
         DurationSeconds=900&Policy={policy}"
    );
    let narrowed = sts(&gateway, &gateway.keys, &form).await.expect(200);
    assert_eq!(narrowed.one("Arn"), "arn:lakefs:auth:::user/admin/job");
    let narrowed = keys_of(&narrowed);
    gateway.by(&narrowed).on(Method::GET, "main/in/a").send().await.expect(200);
    gateway.by(&narrowed).on(Method::GET, "main/out/a").send().await.expect_error(403, "AccessDenied");
    sts(&gateway, &narrowed, "Action=GetSessionToken").await.expect_error(403, "AccessDenied");

    let hidden = r#"{"statement": [{"effect": "deny", "action": ["fs:ReadObject"], "resource": "*",
        "condition": {"StringLike": {"Prefix": ["in/*"]}}}]}"#;
    let hidden = percent_encoding::utf8_percent_encode(hidden, percent_encoding::NON_ALPHANUMERIC);
    let hidden = format!("Action=AssumeRole&Policy={hidden}");
    for (form, status, code) in [
        ("Action=GetFederationToken", 400, "InvalidAction"),
        (hidden.as_str(), 400, "InvalidArgument"),
        ("Version=2011-06-15", 400, "InvalidAction"),
        ("Action=GetSessionToken&DurationSeconds=1", 400, "InvalidArgument"),
        ("Action=AssumeRole&Policy=nonsense", 400, "InvalidArgument"),
        ("Action=GetSessionToken&SerialNumber=1", 501, "NotImplemented"),
    ] {
        let refused = sts(&gateway, &gateway.keys, form).await.expect_error(status, code);
        assert!(refused.text().contains("<ErrorResponse"), "{}", refused.text());
    }
    for query in ["/?Policy=x", "/?DurationSeconds=900", "/?annotation", "/?Action=GetCallerIdentity", "/?x-id=Foo"] {
        for form in ["Action=GetSessionToken", "Action=AssumeRoleWithWebIdentity&WebIdentityToken=a.b.c"] {
            let request = gateway.request(Method::POST, query).body(form);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let refused = crate::client::Req { service: "sts", ..request }.send().await;
            refused.expect_error(501, "NotImplemented");
        }
    }
    let request = gateway.request(Method::POST, "/").header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("x-amz-policy", "x").body("Action=GetSessionToken");
    crate::client::Req { service: "sts", ..request }.send().await.expect_error(501, "NotImplemented");
    let wrong = Keys { secret: "wrong".into(), ..gateway.keys.clone() };
    sts(&gateway, &wrong, "Action=GetSessionToken").await.expect_error(403, "SignatureDoesNotMatch");
    let for_s3 = gateway.request(Method::POST, "/").body("Action=GetSessionToken");
    let for_s3 = for_s3.header("content-type", "application/x-www-form-urlencoded");
    for_s3.send().await.expect_error(400, "AuthorizationHeaderMalformed");
}

#[tokio::test]
async fn sts_tells_who_calls_and_needs_no_right_for_it() {
    let gateway = TestGateway::start().await;
    let ann = gateway.user_with("ann", r#"{"effect": "allow", "action": ["fs:*"], "resource": "*"}"#).await;
    let nobody = gateway.user_with("bob", r#"{"effect": "deny", "action": ["*"], "resource": "*"}"#).await;
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let session = keys_of(&sts(&gateway, &ann, "Action=GetSessionToken").await.expect(200));
    let owner = gateway.by(&ann).request(Method::GET, "/").send().await.expect(200).one("ID");
    for (keys, arn) in [
        (&ann, "arn:lakefs:auth:::user/ann"),
        (&session, "arn:lakefs:auth:::user/ann"),
        (&nobody, "arn:lakefs:auth:::user/bob"),
    ] {
        let told = sts(&gateway, keys, form).await.expect(200);
        assert!(told.text().contains("<GetCallerIdentityResult><Arn>"), "{}", told.text());
        assert_eq!(told.one("Arn"), arn);
        assert_eq!((told.one("UserId"), told.one("Account") == owner), (told.one("Account"), arn.ends_with("ann")));
    }
    let expected = gateway.by(&ann).request(Method::HEAD, "/trips").header("x-amz-expected-bucket-owner", owner);
    expected.send().await.expect(200);
    let wrong = Keys { secret: "wrong".into(), ..ann };
    sts(&gateway, &wrong, form).await.expect_error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn the_audit_tells_decisions_changes_and_refusals() {
    let gateway = TestGateway::start().await;
    let request_id = |answer: &crate::client::Res| answer.headers["x-amz-request-id"].to_str().unwrap().to_owned();
    let ann = gateway.by(&gateway.user_with("ann", IN).await);
    let read = ann.on(Method::GET, "main/out/a").send().await.expect(403);
    let written = ann.on(Method::PUT, "main/in/a").body("a").send().await.expect(200);
    let unsigned = gateway.on(Method::GET, "main/in/a").send_unsigned().await.expect(403);
    let given = sts(&gateway, &gateway.keys, "Action=GetSessionToken").await.expect(200);
    let wrong = Keys { secret: "wrong".into(), ..gateway.keys.clone() };
    let refused = sts(&gateway, &wrong, "Action=GetSessionToken").await.expect(403);
    let lines = gateway.audit.take();
    let expected = [
        (&read, r#""event":"decision""#, r#""user":"ann""#, r#""action":"fs:ReadObject""#, r#""outcome":"denied""#),
        (
            &written,
            r#""event":"decision""#,
            r#""user":"ann""#,
            r#""action":"fs:WriteObject""#,
            r#""outcome":"allowed""#,
        ),
        (
            &written,
            r#""event":"change""#,
            r#""user":"ann""#,
            r#""action":"PutObject /trips/main/in/a""#,
            r#""outcome":"200""#,
        ),
        (&unsigned, r#""event":"refusal""#, r#""protocol":"s3""#, r#""action":"GET /trips/main/in/a""#, "AccessDenied"),
        (&given, r#""event":"change""#, r#""user":"admin""#, r#""action":"GetSessionToken /""#, r#""outcome":"200""#),
        (&refused, r#""event":"refusal""#, r#""protocol":"s3""#, r#""action":"POST /""#, "SignatureDoesNotMatch"),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (answer, event, who, action, outcome)) in lines.iter().zip(expected) {
        let id = request_id(answer);
        for text in [&*id, event, who, action, outcome] {
            assert!(line.contains(text), "{text} isn't in {line}");
        }
    }
    let given = keys_of(&given);
    for secret in [&*given.secret, given.token.as_deref().unwrap(), &gateway.keys.secret] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "a secret is in the audit");
    }
}
