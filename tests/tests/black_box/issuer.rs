//! An identity provider's tokens at every endpoint of a real server: REST, STS for S3, and `lakebed login`.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Client, Method, Response};
use tests::{Settings, TestIssuer, TestServer, lakebed_binary};

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn start(provider: &TestIssuer) -> TestServer {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args =
        ["--oidc-audience", "lakebed", "--oidc-group", "lake-readers=Viewers", "--oidc-group", "lake-devs=Developers"];
    let args = ["--oidc-issuer", provider.url()].into_iter().chain(args).map(str::to_owned).collect();
    TestServer::with(Settings { args, ..Settings::default() })
}

async fn rest(server: &TestServer, method: Method, path: &str, token: &str) -> Response {
    let request = Client::new().request(method, format!("{}/api/v1{path}", server.endpoint())).bearer_auth(token);
    request
        .header("content-type", "application/json")
        .body(r#"{"name": "other", "storage_namespace": "local://other"}"#)
        .send()
        .await
        .unwrap()
}

/// What `lakebed` says, with no keys but those of the profile and of `env`.
fn lakebed(server: &TestServer, env: &[(&str, &str)], input: &str, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(lakebed_binary());
    let profile = server.folder().join("ann.toml");
    command.args(args).env_clear().env("LAKEBED_PROFILE_FILE", profile).env("LAKEBED_ENDPOINT", server.endpoint());
    command.envs(env.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn as_admin(server: &TestServer, args: &[&str]) {
    let keys = [
        ("LAKEBED_ACCESS_KEY_ID", TestServer::ACCESS_KEY_ID),
        ("LAKEBED_SECRET_ACCESS_KEY", TestServer::SECRET_ACCESS_KEY),
    ];
    let (done, told) = lakebed(server, &keys, "x", args);
    assert!(done, "{args:?}: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_work_at_every_door() {
    let provider = TestIssuer::start().await;
    let server = start(&provider);
    as_admin(&server, &["repo", "create", "lakebed://trips"]);
    as_admin(&server, &["fs", "upload", "-", "lakebed://trips/main/a"]);
    let token = provider.token("ann", &["lake-readers", "cooks"], now());

    let who = rest(&server, Method::GET, "/user", &token).await;
    assert!(who.text().await.unwrap().contains("oidc:ann"));
    assert_eq!(rest(&server, Method::GET, "/repositories/trips", &token).await.status(), 200);
    let denied = rest(&server, Method::POST, "/repositories", &token).await;
    assert_eq!(denied.status(), 401);
    assert!(denied.text().await.unwrap().contains("insufficient permissions"));
    assert_eq!(rest(&server, Method::GET, "/user", &token[..token.len() - 2]).await.status(), 401);
    let nobody = provider.token("bob", &["Admins", "Viewers"], now());
    let unmapped = rest(&server, Method::GET, "/repositories/trips", &nobody).await;
    assert!(unmapped.text().await.unwrap().contains("insufficient permissions"));

    let form = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x&RoleSessionName=job&WebIdentityToken={token}"
    );
    let sts = async |form: String| {
        let post = Client::new().post(format!("{}/", server.endpoint()));
        post.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap()
    };
    let answer = sts(form.clone()).await;
    assert_eq!(answer.status(), 200);
    let xml = answer.text().await.unwrap();
    let field = |name: &str| xml.split(&format!("<{name}>")).nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!((field("SubjectFromWebIdentityToken"), field("Audience")), ("ann".to_owned(), "lakebed".to_owned()));
    let keys = [
        ("LAKEBED_ACCESS_KEY_ID", field("AccessKeyId")),
        ("LAKEBED_SECRET_ACCESS_KEY", field("SecretAccessKey")),
        ("LAKEBED_SESSION_TOKEN", field("SessionToken")),
    ];
    let keys: Vec<_> = keys.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(lakebed(&server, &keys, "", &["fs", "cat", "lakebed://trips/main/a"]), (true, "x".to_owned()));
    let (done, told) = lakebed(&server, &keys, "", &["fs", "rm", "lakebed://trips/main/a"]);
    assert!(!done && told.contains("oidc:ann may not fs:DeleteObject"), "{told}");
    for (bad, code) in [
        (form.replace("WebIdentityToken=", "WebIdentityToken=x"), "InvalidIdentityToken"),
        (form.replace("WebIdentityToken", "Other"), "InvalidArgument"),
    ] {
        let refused = sts(bad).await;
        assert_eq!(refused.status(), 400);
        assert!(refused.text().await.unwrap().contains(code));
    }

    let devs = provider.token("dan", &["lake-devs"], now());
    let (done, told) = lakebed(&server, &[], &devs, &["login", "--token", "-"]);
    assert!(done && told.starts_with("Profile default: oidc:dan at "), "{told}");
    assert!(lakebed(&server, &[], "y", &["fs", "upload", "-", "lakebed://trips/main/b"]).0);
    let (done, told) = lakebed(&server, &[], "", &["commit", "lakebed://trips/main", "-m", "by a token"]);
    assert!(done, "{told}");
    let (done, told) = lakebed(&server, &[], "not.a.token", &["login", "--token", "-", "--profile", "second"]);
    assert!(!done && told.contains("doesn't take the token"), "{told}");

    let log = server.log();
    let audit = std::fs::read_to_string(server.data_dir().join("audit.log")).unwrap();
    for secret in [&token, &devs, &field("SecretAccessKey"), &field("SessionToken")] {
        assert!(!log.contains(secret.as_str()) && !audit.contains(secret.as_str()), "a secret is in a log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_is_said_to_be() {
    let mut provider = TestIssuer::start().await;
    let server = start(&provider);
    provider.stop().await;
    let answer = rest(&server, Method::GET, "/user", &provider.token("ann", &[], now())).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("identity provider"));
    as_admin(&server, &["repo", "list"]);
}

#[test]
fn settings_that_would_let_anybody_in_are_refused() {
    let refused = |args: &[&str]| {
        let mut command = Command::new(lakebed_binary());
        let output = command.arg("run").args(args).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["--oidc-issuer", "https://id.example.org"]).contains("oidc_audience"));
    assert!(refused(&["--oidc-issuer", "http://id.example.org", "--oidc-audience", "x"]).contains("https://"));
    assert!(refused(&["--oidc-audience", "x"]).contains("oidc_issuer"));
    assert!(refused(&["--oidc-group", "Admins"]).contains("VALUE=GROUP"));
}
