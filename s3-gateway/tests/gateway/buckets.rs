//! Buckets are repositories.

use http::Method;

use crate::harness::{REPOSITORY, TestGateway};

#[tokio::test]
async fn buckets_are_listed_found_and_made() {
    let s3 = TestGateway::start().await;
    let listed = s3.request(Method::GET, "/").send().await.expect(200);
    assert_eq!(listed.all("Name"), [REPOSITORY]);
    assert_eq!(listed.get("content-type"), "application/xml");

    s3.request(Method::PUT, "/flights").send().await.expect(200);
    let head = s3.request(Method::HEAD, "/flights").send().await.expect(200);
    assert_eq!(head.get("x-amz-bucket-region"), "us-east-1");
    s3.request(Method::PUT, "/flights/main/a").body("x").send().await.expect(200);
    assert_eq!(s3.request(Method::GET, "/").send().await.all("Name"), ["flights", REPOSITORY]);

    let location = s3.request(Method::GET, "/flights?location").send().await.expect(200);
    assert!(location.text().contains("LocationConstraint"), "{location:?}");
}

#[tokio::test]
async fn listing_pages_and_filters() {
    let s3 = TestGateway::start().await;
    for bucket in ["aaa", "bbb", "bbc"] {
        s3.request(Method::PUT, &format!("/{bucket}")).send().await.expect(200);
    }
    let first = s3.request(Method::GET, "/?max-buckets=3").send().await.expect(200);
    assert_eq!(first.all("Name"), ["aaa", "bbb", "bbc"]);
    let token = first.one("ContinuationToken");
    let second = s3.request(Method::GET, "/").query(&[("continuation-token", &token)]).send().await.expect(200);
    assert_eq!(second.all("Name"), [REPOSITORY]);
    assert_eq!(second.one("ContinuationToken"), "");
    assert_eq!(s3.request(Method::GET, "/?prefix=bb").send().await.all("Name"), ["bbb", "bbc"]);
    s3.request(Method::GET, "/?continuation-token=%21").send().await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn what_cant_be_made_or_deleted_is_refused() {
    let s3 = TestGateway::start().await;
    let again = s3.request(Method::PUT, &format!("/{REPOSITORY}")).send().await;
    again.expect_error(409, "BucketAlreadyOwnedByYou");
    s3.request(Method::PUT, "/Not_A_Name").send().await.expect_error(400, "InvalidBucketName");
    s3.request(Method::PUT, "/newone").body("<nonsense").send().await.expect_error(400, "MalformedXML");
    let deleted = s3.request(Method::DELETE, &format!("/{REPOSITORY}")).send().await;
    let deleted = deleted.expect_error(405, "MethodNotAllowed");
    assert!(deleted.one("Message").contains("lakebed repo delete"), "{deleted:?}");
    assert_eq!(s3.repositories().await, [REPOSITORY]);
}

#[tokio::test]
async fn an_unknown_bucket_is_no_such_bucket_for_every_operation() {
    let s3 = TestGateway::start().await;
    for (method, target) in [
        (Method::GET, "/nope"),
        (Method::GET, "/nope?list-type=2&prefix=main/"),
        (Method::GET, "/nope?list-type=2&max-keys=0"),
        (Method::GET, "/nope?list-type=2&prefix=no%20ref/"),
        (Method::GET, "/nope?location"),
        (Method::GET, "/nope?uploads"),
        (Method::GET, "/nope/main/a"),
        (Method::GET, "/nope/main/"),
        (Method::GET, "/nope/main"),
        (Method::PUT, "/nope/main/a"),
        (Method::DELETE, "/nope/main/a"),
        (Method::POST, "/nope/main/a?uploads"),
        (Method::DELETE, "/nope"),
        (Method::GET, "/nope?versioning"),
        (Method::GET, "/nope?policy"),
        (Method::GET, "/nope?acl"),
        (Method::GET, "/nope?encryption"),
        (Method::GET, "/nope/main/a?acl"),
        (Method::GET, "/nope/main/a?tagging"),
        (Method::DELETE, "/nope/main/a?tagging"),
    ] {
        s3.request(method, target).send().await.expect_error(404, "NoSuchBucket");
    }
    s3.request(Method::HEAD, "/nope").send().await.expect(404);
    s3.request(Method::HEAD, "/nope/main/a").send().await.expect(404);
}

#[tokio::test]
async fn a_name_that_no_repository_can_have_is_told_so() {
    let s3 = TestGateway::start().await;
    for bucket in ["my.bucket", "NOPE", "a", "under_score"] {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::PUT, ""),
            (Method::DELETE, ""),
            (Method::GET, "?versioning"),
            (Method::GET, "/main/a"),
            (Method::PUT, "/main/a"),
            (Method::DELETE, "/main/a"),
        ] {
            let refused = s3.request(method, &format!("/{bucket}{rest}")).send().await;
            let refused = refused.expect_error(400, "InvalidBucketName");
            assert!(refused.one("Message").contains("repository"), "{refused:?}");
        }
        s3.request(Method::HEAD, &format!("/{bucket}")).send().await.expect(400);
    }
    let copy = s3.on(Method::PUT, "main/a").header("x-amz-copy-source", "/my.bucket/main/a");
    copy.send().await.expect_error(400, "InvalidBucketName");
    assert_eq!(s3.repositories().await, [REPOSITORY]);
}

#[tokio::test]
async fn a_bucket_in_the_host_is_the_same_bucket() {
    let options = s3_gateway::GatewayOptions { domains: vec!["s3.test".into()], ..Default::default() };
    let s3 = TestGateway::start_with(options).await;
    let put = s3.request(Method::PUT, "/main/a%20b").header("host", "trips.s3.test:8000").body("bytes");
    put.send().await.expect(200);
    assert_eq!(s3.get("main/a b").send().await.expect(200).text(), "bytes");
    let listed = s3.request(Method::GET, "/?list-type=2&prefix=main/").header("host", "trips.s3.test");
    assert_eq!(listed.send().await.expect(200).all("Key"), ["main/a b"]);
}
