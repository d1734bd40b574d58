//! Protected branches through S3: what writes to one is refused, and nothing of it stays.

use http::Method;
use model::{ChangeSettings, Command, SettingsChange};

use crate::harness::{TestGateway, name};

async fn decide(s3: &TestGateway, change: SettingsChange) {
    let command = Command::ChangeSettings(ChangeSettings { repository: name(), change });
    s3.graveler.meta().write(command).await.unwrap().done().unwrap();
}

#[tokio::test]
async fn nothing_is_written_to_a_protected_branch() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    s3.create_branch("dev", "main").await;
    let begun = s3.on(Method::POST, "main/upload").query(&[("uploads", "")]).send().await.expect(200);
    let id = begun.one("UploadId");
    let part = s3.put("main/upload", "part").query(&[("partNumber", "1"), ("uploadId", &id)]).send().await.expect(200);
    let whole = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.e_tag()
    );
    let complete = || s3.on(Method::POST, "main/upload").query(&[("uploadId", &id)]).body(whole.clone());
    let batch = "<Delete><Object><Key>main/a</Key></Object></Delete>";
    let protect = SettingsChange::Protect { patterns: vec!["main".parse().unwrap()], expected: None };

    for change in [protect, SettingsChange::ReadOnly(true)] {
        decide(&s3, change).await;
        for (what, request) in [
            ("PutObject", s3.put("main/b", "b")),
            ("DeleteObject", s3.delete("main/a")),
            ("DeleteObjects", s3.request(Method::POST, "/trips?delete").body(batch)),
            ("CopyObject", s3.on(Method::PUT, "main/copy").header("x-amz-copy-source", "/trips/main/a")),
            ("CreateMultipartUpload", s3.on(Method::POST, "main/c").query(&[("uploads", "")])),
            ("CompleteMultipartUpload", complete()),
        ] {
            let answer = request.send().await;
            assert!(answer.text().contains("AccessDenied"), "{what}: {}", answer.text());
        }
        assert_eq!(s3.keys_on("main").await, ["main/a"]);
        assert_eq!(s3.get("main/a").send().await.expect(200).text(), "main/a");
    }

    decide(&s3, SettingsChange::Protect { patterns: vec![], expected: None }).await;
    decide(&s3, SettingsChange::ReadOnly(false)).await;
    complete().send().await.expect(200);
    assert_eq!(s3.keys_on("main").await, ["main/a", "main/upload"]);
}
