//! Only branches are written to; refs that aren't there are told apart from those that can't be written to.

use http::Method;

use crate::harness::TestGateway;

#[tokio::test]
async fn tags_commits_and_expressions_are_read_only() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    let commit = s3.commit("main").await.to_string();
    s3.create_tag("v1", "main").await;
    s3.create_tag("v1.0", "main").await;
    for reference in ["v1", "v1.0", &commit, &commit[..12], "main~1", "main@", "main$"] {
        let key = format!("{reference}/a");
        let refused = s3.put(&key, "new").send().await.expect_error(405, "MethodNotAllowed");
        assert!(refused.one("Message").contains("is not a branch"), "{refused:?}");
        s3.delete(&key).send().await.expect_error(405, "MethodNotAllowed");
        s3.on(Method::POST, &key).query(&[("uploads", "")]).send().await.expect_error(405, "MethodNotAllowed");
        let copy = s3.on(Method::PUT, &key).header("x-amz-copy-source", "/trips/main/a");
        copy.header("x-amz-metadata-directive", "REPLACE").send().await.expect_error(405, "MethodNotAllowed");
    }
    assert_eq!(s3.get("v1.0/a").send().await.expect(200).text(), "main/a");
    assert_eq!(s3.keys_on("v1").await, ["v1/a"]);
}

#[tokio::test]
async fn an_unknown_ref_is_no_key_to_readers_and_no_bucket_to_writers() {
    let s3 = TestGateway::start().await;
    s3.get("nope/a").send().await.expect_error(404, "NoSuchKey");
    s3.head("nope/a").send().await.expect(404);
    let refused = s3.put("nope/a", "x").send().await.expect_error(404, "NoSuchBucket");
    assert!(refused.one("Message").contains("nope"), "{refused:?}");
    s3.delete("nope/a").send().await.expect_error(404, "NoSuchBucket");
    s3.on(Method::POST, "nope/a").query(&[("uploads", "")]).send().await.expect_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn branches_are_apart() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    s3.commit("main").await;
    s3.create_branch("dev", "main").await;
    s3.put("dev/a", "changed").send().await.expect(200);
    s3.put("dev/b", "new").send().await.expect(200);
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "main/a");
    assert_eq!(s3.get("dev/a").send().await.expect(200).text(), "changed");
    assert_eq!(s3.keys_on("main").await, ["main/a"]);
    assert_eq!(s3.keys_on("dev").await, ["dev/a", "dev/b"]);
}
