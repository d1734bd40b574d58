//! Deleting, one by one and in batches.

use http::Method;

use crate::client::content_md5;
use crate::harness::TestGateway;

fn batch(keys: &[&str], quiet: bool) -> String {
    let objects: String = keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
    format!("<Delete>{objects}<Quiet>{quiet}</Quiet></Delete>")
}

#[tokio::test]
async fn deleting_is_the_same_whether_the_object_is_there() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a", "main/b"]).await;
    s3.commit("main").await;
    s3.put_all(&["main/c"]).await;
    for key in ["main/a", "main/c", "main/a", "main/never"] {
        s3.delete(key).send().await.expect(204);
    }
    assert_eq!(s3.keys_on("main").await, ["main/b"]);
    assert_eq!(s3.keys_on("main@").await, ["main@/a", "main@/b"]);
}

#[tokio::test]
async fn a_delete_can_be_conditional() {
    let s3 = TestGateway::start().await;
    let e_tag = s3.put("main/a", "x").send().await.expect(200).e_tag().to_owned();
    s3.delete("main/a").header("if-match", "\"0123\"").send().await.expect_error(412, "PreconditionFailed");
    s3.delete("main/a").header("if-match", &*e_tag).send().await.expect(204);
    assert!(s3.keys_on("main").await.is_empty());
}

#[tokio::test]
async fn a_batch_answers_for_each_key() {
    let s3 = TestGateway::start().await;
    s3.create_branch("dev", "main").await;
    s3.create_tag("v1", "main").await;
    s3.put_all(&["main/a", "main/b", "dev/a", "dev/x y"]).await;
    let body = batch(&["main/a", "dev/x y", "main/never", "v1/a", "nope/a", "main/", "main"], false);
    let request = s3.request(Method::POST, "/trips?delete").header("content-md5", content_md5(body.as_bytes()));
    let answer = request.body(body).send().await.expect(200);
    let (done, failed) = answer.text().split_once("<Error>").unwrap();
    for key in ["main/a", "dev/x y", "main/never", "main/", "main"] {
        assert!(done.contains(&format!("<Key>{key}</Key>")), "{key}: {answer:?}");
    }
    assert!(failed.contains("<Key>v1/a</Key>") && failed.contains("<Key>nope/a</Key>"), "{answer:?}");
    assert_eq!(answer.all("Code").len(), 2);
    assert_eq!(s3.keys_on("main").await, ["main/b"]);
    assert_eq!(s3.keys_on("dev").await, ["dev/a"]);
}

#[tokio::test]
async fn conditions_in_a_batch_are_judged_or_refused() {
    let s3 = TestGateway::start().await;
    let e_tag = s3.put("main/a", "a").send().await.expect(200).e_tag().replace('"', "&quot;");
    s3.put_all(&["main/b", "main/c", "main/d", "main/e"]).await;
    s3.commit("main").await;
    let object = |key: &str, more: &str| format!("<Object><Key>main/{key}</Key>{more}</Object>");
    let objects = [
        object("a", &format!("<ETag>{e_tag}</ETag>")),
        object("b", "<ETag>0123</ETag>"),
        object("c", "<Size>6</Size>"),
        object("d", "<LastModifiedTime>Sun, 06 Nov 1994 08:49:37 GMT</LastModifiedTime>"),
        object("never", "<ETag>*</ETag>"),
        object("e", ""),
    ];
    let body = format!("<Delete>{}<Quiet>true</Quiet></Delete>", objects.concat());
    let answer = s3.request(Method::POST, "/trips?delete").body(body).send().await.expect(200);
    assert_eq!(answer.all("Key"), ["main/b", "main/c", "main/d", "main/never"]);
    assert_eq!(answer.all("Code"), ["PreconditionFailed", "NotImplemented", "NotImplemented", "NoSuchKey"]);
    assert_eq!(s3.keys_on("main").await, ["main/b", "main/c", "main/d"]);

    let body = "<Delete><Object><Key>main/b</Key><IfUnread/></Object></Delete>";
    s3.request(Method::POST, "/trips?delete").body(body).send().await.expect_error(501, "NotImplemented");
    assert_eq!(s3.keys_on("main").await, ["main/b", "main/c", "main/d"]);
}

#[tokio::test]
async fn a_quiet_batch_tells_of_failures_only() {
    let s3 = TestGateway::start().await;
    s3.create_tag("v1", "main").await;
    s3.put_all(&["main/a"]).await;
    let body = batch(&["main/a", "v1/a"], true);
    let request = s3.request(Method::POST, "/trips?delete").header("content-md5", content_md5(body.as_bytes()));
    let answer = request.body(body).send().await.expect(200);
    assert_eq!(answer.all("Key"), ["v1/a"]);
}

#[tokio::test]
async fn a_batch_is_bounded_and_verified() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    let post = |body: String| s3.request(Method::POST, "/trips?delete").body(body);
    let keys: Vec<String> = (0..1001).map(|i| format!("main/{i}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let many = batch(&keys, false);
    post(many.clone())
        .header("content-md5", content_md5(many.as_bytes()))
        .send()
        .await
        .expect_error(400, "MalformedXML");
    let body = batch(&["main/a"], false);
    post(body.clone()).header("content-md5", content_md5(b"other")).send().await.expect_error(400, "BadDigest");
    post("<Delete>".into())
        .header("content-md5", content_md5(b"<Delete>"))
        .send()
        .await
        .expect_error(400, "MalformedXML");
    let huge = " ".repeat(3 << 20) + &body;
    post(huge.clone()).header("content-md5", content_md5(huge.as_bytes())).send().await.expect(400);
    assert_eq!(s3.keys_on("main").await, ["main/a"]);
    let most = batch(&keys[..1000], true);
    post(most.clone()).header("content-md5", content_md5(most.as_bytes())).send().await.expect(200);
}
