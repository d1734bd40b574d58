//! Every operation of S3 by everybody who may call: compared with `matrix.txt`, which is the place to look up who gets
//! what. After a change: `UPDATE_GOLDEN=1 cargo test --workspace --test gateway matrix`

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use auth::PolicyDocument;
use model::{Clock, SystemClock, Timestamp};

use crate::access::session;
use crate::client::{Keys, Req, Res};
use crate::harness::{TestGateway, name};
use crate::refusals::routes;

fn told(answer: &Res) -> String {
    let code = answer.all("Code").first().cloned().unwrap_or_default();
    format!("{} {code}", answer.status.as_u16()).trim_end().to_owned()
}

#[tokio::test]
async fn everybody_gets_what_the_matrix_says() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a", "main/in/a"]).await;
    let routes = routes(&s3).await;
    let source = include_str!("../../src/protocol/operation.rs");
    for (name, _) in &routes {
        assert!(source.contains(&format!("\"{name}\"")), "{name} is no operation");
    }
    let operations = source.matches("{ .. } => \"").count() + source.matches("(_) => \"").count();
    assert_eq!(routes.len(), operations, "an operation has no route here");

    let now = SystemClock.now();
    let long_ago = Timestamp::from_millis(now.as_millis() - 3_600_000);
    let narrow = || Some(PolicyDocument::of_prefix(&name(), Some("main"), "in/", true).unwrap());
    let nobody_s = Keys { id: "AKNOBODY".into(), ..s3.keys.clone() };
    let wrong = Keys { secret: "wrong".into(), ..s3.keys.clone() };
    let unproved = Keys { token: None, ..session(&s3, now, None).await };
    let read = r#"{"effect": "allow", "action": ["fs:Read*", "fs:List*"], "resource": "*"}"#;
    let nothing = r#"{"effect": "deny", "action": ["*"], "resource": "*"}"#;
    let callers = [
        ("unknown key", nobody_s),
        ("wrong secret", wrong),
        ("expired session", session(&s3, long_ago, None).await),
        ("session without its token", unproved),
        ("session narrowed to reading main/in/", session(&s3, now, narrow()).await),
        ("user without rights", s3.user_with("nothing", nothing).await),
        ("user who may read", s3.user_with("reader", read).await),
    ];
    let mut matrix = String::new();
    for (operation, route) in routes {
        matrix += &format!("{operation}\n");
        let mut row = |who: &str, answer: &Res| matrix += &format!("  {who:<38}{}\n", told(answer));
        row("nobody", &route.clone().send_unsigned().await);
        let late = Req { time: SystemTime::now() - Duration::from_secs(1200), ..route.clone() };
        row("replayed after 20 minutes", &late.send().await);
        for (who, keys) in &callers {
            row(who, &Req { keys: keys.clone(), ..route.clone() }.send().await);
        }
    }
    assert_eq!(s3.keys_on("main").await, ["main/a", "main/in/a"], "none of them changed anything");
    assert_eq!(s3.repositories().await, ["trips"]);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/matrix.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &matrix).unwrap();
    }
    assert_eq!(matrix, fs::read_to_string(&path).unwrap_or_default(), "make matrix.txt anew with UPDATE_GOLDEN=1");
}
