//! Every operation of S3 and STS by everybody who may call: compared with `matrix.txt`, which is the place to look up who
//! gets what. After a change: `UPDATE_GOLDEN=1 cargo test --workspace --test gateway matrix`

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use auth::{PolicyDocument, SecretBox};
use http::Method;
use model::{Clock, Command, DeleteUser, EndSessions, SystemClock, Timestamp};

use crate::access::{sealed_session, session};
use crate::client::{Keys, Req, Res, send};
use crate::harness::{TestGateway, name};
use crate::refusals::routes;

const NOTHING: &str = "user without rights";
/// Who may nothing doesn't learn either which buckets there are.
const ELSEWHERE: &str = "user without rights, elsewhere";

fn told(answer: &Res) -> String {
    assert!(!answer.get("x-amz-request-id").is_empty(), "{answer:?}");
    let code = answer.all("Code").first().cloned().unwrap_or_default();
    format!("{} {code}", answer.status.as_u16()).trim_end().to_owned()
}

/// Keys of a user who is deleted and made again, and of a session that is ended: both have worked before.
async fn taken_away(s3: &TestGateway) -> [(&'static str, Keys); 2] {
    let everything = r#"{"effect": "allow", "action": ["*"], "resource": "*"}"#;
    let deleted = s3.user_with("gone", everything).await;
    let ended = session(s3, SystemClock.now(), None).await;
    let read = async |keys: &Keys| s3.by(keys).on(Method::GET, "main/a").send().await.status;
    assert_eq!((read(&deleted).await.as_u16(), read(&ended).await.as_u16()), (200, 200));

    let meta = s3.graveler.meta();
    meta.write(Command::DeleteUser(DeleteUser { name: "gone".parse().unwrap() })).await.unwrap().done().unwrap();
    meta.write(Command::EndSessions(EndSessions { user: "admin".parse().unwrap() })).await.unwrap().user().unwrap();
    s3.user("gone").await;
    let patience = Instant::now() + Duration::from_secs(60);
    while read(&deleted).await == 200 || read(&ended).await == 200 {
        assert!(Instant::now() < patience, "what was taken away still counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    [("deleted key, replayed", deleted), ("ended session, replayed", ended)]
}

/// Who calls, and with which keys.
async fn callers(s3: &TestGateway) -> Vec<(&'static str, Keys)> {
    let mut callers = Vec::from(taken_away(s3).await);
    let now = SystemClock.now();
    let long_ago = Timestamp::from_millis(now.as_millis() - 3_600_000);
    let narrow = PolicyDocument::of_prefix(&name(), Some("main"), "in/", true).unwrap();
    let other_token = session(s3, now, None).await.token;
    let read = r#"{"effect": "allow", "action": ["fs:Read*", "fs:List*"], "resource": "*"}"#;
    let nothing = r#"{"effect": "deny", "action": ["*"], "resource": "*"}"#;
    let nobody_s = s3.user_with("nothing", nothing).await;
    callers.extend([
        ("unknown key", Keys { id: "AKNOBODY".into(), ..s3.keys.clone() }),
        ("wrong secret", Keys { secret: "wrong".into(), ..s3.keys.clone() }),
        ("expired session", session(s3, long_ago, None).await),
        ("session without its token", Keys { token: None, ..session(s3, now, None).await }),
        ("session with another's token", Keys { token: other_token, ..session(s3, now, None).await }),
        ("another installation's session", sealed_session(s3, &SecretBox::new(&[8; 32]), now, None).await),
        ("session narrowed to reading main/in/", session(s3, now, Some(narrow)).await),
        (NOTHING, nobody_s.clone()),
        (ELSEWHERE, nobody_s),
        ("user who may read", s3.user_with("reader", read).await),
    ]);
    callers
}

/// A request whose query isn't what was signed.
async fn changed(route: &Req) -> Res {
    let (headers, body) = route.signed();
    let target = format!("{}{}x-id=1", route.target, if route.target.contains('?') { "&" } else { "?" });
    send(route.addr, route.method.clone(), &target, &headers, body, None).await
}

/// A pre-signed URL whose time is over.
async fn expired_url(route: &Req) -> Res {
    let signed = Req { time: SystemTime::now() - Duration::from_secs(120), ..route.clone() };
    let target = signed.presigned(Duration::from_secs(60));
    Req { target, ..route.clone() }.send_unsigned().await
}

/// Whether an answer is what may be expected, whatever the matrix says.
fn is_expected(operation: &str, who: &str, answer: &Res) -> bool {
    let (status, code) = (answer.status.as_u16(), answer.all("Code").first().cloned().unwrap_or_default());
    let is_of_sts = operation.starts_with("Assume") || ["GetSessionToken", "GetCallerIdentity"].contains(&operation);
    match who {
        NOTHING | ELSEWHERE if !is_of_sts => status == 403,
        NOTHING | ELSEWHERE | "user who may read" | "session narrowed to reading main/in/" => status < 500,
        // Nothing of it is signed; it has no query.
        "replayed with another query" | "pre-signed, expired" if operation == "AssumeRoleWithWebIdentity" => {
            code == "NotImplemented"
        }
        _ if answer.bytes().is_empty() => matches!(status, 400 | 403),
        _ => matches!(
            &*code,
            "AccessDenied"
                | "ExpiredToken"
                | "InvalidAccessKeyId"
                | "InvalidIdentityToken"
                | "InvalidToken"
                | "RequestTimeTooSkewed"
                | "SignatureDoesNotMatch"
        ),
    }
}

async fn nothing_changed(s3: &TestGateway) {
    let object = s3.get("main/a").send().await.expect(200);
    assert_eq!((object.text(), object.get("x-amz-tagging-count")), ("main/a", ""));
    assert_eq!(s3.keys_on("main").await, ["main/a", "main/in/a"]);
    assert_eq!(s3.repositories().await, ["trips"]);
    let uploads = s3.request(Method::GET, "/trips?uploads").send().await.expect(200);
    assert_eq!(uploads.all("Key"), ["main/upload"]);
    let parts = s3.get("main/upload").query(&[("uploadId", &uploads.one("UploadId"))]).send().await.expect(200);
    assert!(parts.all("PartNumber").is_empty());
}

#[tokio::test]
async fn everybody_gets_what_the_matrix_says() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a", "main/in/a"]).await;
    let routes = routes(&s3).await;
    let (of_s3, of_sts) = (include_str!("../../src/protocol/operation.rs"), include_str!("../../src/protocol/sts.rs"));
    let of_settings = include_str!("../../src/protocol/bucket_settings.rs");
    for (name, _) in &routes {
        let name = format!("\"{name}\"");
        assert!([of_s3, of_settings, of_sts].iter().any(|text| text.contains(&name)), "{name} is no operation");
    }
    let operations = of_s3.matches("{ .. } => \"").count()
        + of_s3.matches("(_) => \"").count()
        + of_settings.matches("\"Get").count()
        + of_sts.matches(" => \"").count();
    assert_eq!(routes.len(), operations, "an operation has no route here");

    let callers = callers(&s3).await;
    let (mut matrix, mut holes) = (String::new(), vec![]);
    for (operation, route) in routes {
        matrix += &format!("{operation}\n");
        let mut row = |who: &str, answer: &Res| {
            if !is_expected(operation, who, answer) {
                holes.push(format!("{operation} gives {who} {}", told(answer)));
            }
            matrix += &format!("  {who:<38}{}\n", told(answer));
        };
        row("nobody", &route.clone().send_unsigned().await);
        let late = Req { time: SystemTime::now() - Duration::from_secs(1200), ..route.clone() };
        row("replayed after 20 minutes", &late.send().await);
        row("replayed with another query", &changed(&route).await);
        row("pre-signed, expired", &expired_url(&route).await);
        for (who, keys) in &callers {
            let target = match *who {
                ELSEWHERE => route.target.replace("/trips", "/nowhere"),
                _ => route.target.clone(),
            };
            row(who, &Req { keys: keys.clone(), target, ..route.clone() }.send().await);
        }
    }
    assert!(holes.is_empty(), "{holes:#?}");
    nothing_changed(&s3).await;

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/matrix.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &matrix).unwrap();
    }
    assert_eq!(matrix, fs::read_to_string(&path).unwrap_or_default(), "make matrix.txt anew with UPDATE_GOLDEN=1");
}
