//! One request for every route, and what is refused before a body is read. `matrix` has who is refused which route.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bodies::lines;
use crate::client::{Mode, Req};
use crate::harness::TestGateway;

/// One request for every operation that S3 and STS have here.
pub(crate) async fn routes(s3: &TestGateway) -> Vec<(&'static str, Req)> {
    let begun = s3.on(Method::POST, "main/upload").query(&[("uploads", "")]).send().await.expect(200);
    let id = begun.one("UploadId");
    let part = [("partNumber", "1"), ("uploadId", id.as_str())];
    let source = "/trips/main/a";
    let batch = "<Delete><Object><Key>main/a</Key></Object></Delete>";
    let whole =
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>";
    let tagging = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    vec![
        ("ListBuckets", s3.request(Method::GET, "/")),
        ("CreateBucket", s3.request(Method::PUT, "/flights")),
        ("HeadBucket", s3.request(Method::HEAD, "/trips")),
        ("DeleteBucket", s3.request(Method::DELETE, "/trips")),
        ("GetBucketLocation", s3.request(Method::GET, "/trips?location")),
        ("ListObjects", s3.request(Method::GET, "/trips?prefix=main/")),
        ("ListObjectsV2", s3.request(Method::GET, "/trips?list-type=2&prefix=main/")),
        ("ListMultipartUploads", s3.request(Method::GET, "/trips?uploads")),
        ("DeleteObjects", s3.request(Method::POST, "/trips?delete").body(batch)),
        ("GetObject", s3.get("main/a")),
        ("HeadObject", s3.head("main/a")),
        ("PutObject", s3.put("main/a", "overwritten")),
        ("PostObject", crate::forms::post(s3, "main/a", "overwritten")),
        ("CopyObject", s3.on(Method::PUT, "main/copy").header("x-amz-copy-source", source)),
        ("DeleteObject", s3.delete("main/a")),
        ("CreateMultipartUpload", s3.on(Method::POST, "main/b").query(&[("uploads", "")])),
        ("UploadPart", s3.put("main/upload", "part").query(&part)),
        ("UploadPartCopy", s3.on(Method::PUT, "main/upload").query(&part).header("x-amz-copy-source", source)),
        ("CompleteMultipartUpload", s3.on(Method::POST, "main/upload").query(&part[1..]).body(whole)),
        ("AbortMultipartUpload", s3.delete("main/upload").query(&part[1..])),
        ("ListParts", s3.get("main/upload").query(&part[1..])),
        ("GetObjectTagging", s3.get("main/a").query(&[("tagging", "")])),
        ("PutObjectTagging", s3.put("main/a", tagging).query(&[("tagging", "")])),
        ("DeleteObjectTagging", s3.delete("main/a").query(&[("tagging", "")])),
        ("GetBucketAcl", s3.request(Method::GET, "/trips?acl")),
        ("GetBucketEncryption", s3.request(Method::GET, "/trips?encryption")),
        ("GetBucketAccelerateConfiguration", s3.request(Method::GET, "/trips?accelerate")),
        ("GetBucketCors", s3.request(Method::GET, "/trips?cors")),
        ("GetBucketLifecycleConfiguration", s3.request(Method::GET, "/trips?lifecycle")),
        ("GetBucketLogging", s3.request(Method::GET, "/trips?logging")),
        ("GetBucketNotificationConfiguration", s3.request(Method::GET, "/trips?notification")),
        ("GetObjectLockConfiguration", s3.request(Method::GET, "/trips?object-lock")),
        ("GetBucketOwnershipControls", s3.request(Method::GET, "/trips?ownershipControls")),
        ("GetBucketPolicy", s3.request(Method::GET, "/trips?policy")),
        ("GetBucketPolicyStatus", s3.request(Method::GET, "/trips?policyStatus")),
        ("GetPublicAccessBlock", s3.request(Method::GET, "/trips?publicAccessBlock")),
        ("GetBucketReplication", s3.request(Method::GET, "/trips?replication")),
        ("GetBucketRequestPayment", s3.request(Method::GET, "/trips?requestPayment")),
        ("GetBucketTagging", s3.request(Method::GET, "/trips?tagging")),
        ("GetBucketVersioning", s3.request(Method::GET, "/trips?versioning")),
        ("GetBucketWebsite", s3.request(Method::GET, "/trips?website")),
        ("GetObjectAcl", s3.get("main/a").query(&[("acl", "")])),
        (
            "GetObjectAttributes",
            s3.get("main/a").query(&[("attributes", "")]).header("x-amz-object-attributes", "ETag"),
        ),
        ("GetObjectLegalHold", s3.get("main/a").query(&[("legal-hold", "")])),
        ("GetObjectRetention", s3.get("main/a").query(&[("retention", "")])),
        ("GetSessionToken", sts(s3, "Action=GetSessionToken&Version=2011-06-15")),
        ("GetCallerIdentity", sts(s3, "Action=GetCallerIdentity&Version=2011-06-15")),
        ("AssumeRole", sts(s3, "Action=AssumeRole&RoleArn=x&RoleSessionName=x")),
        ("AssumeRoleWithWebIdentity", sts(s3, "Action=AssumeRoleWithWebIdentity&WebIdentityToken=a.b.c")),
    ]
}

/// A request of STS's.
fn sts(s3: &TestGateway, form: &'static str) -> Req {
    let form = s3.request(Method::POST, "/").header("content-type", "application/x-www-form-urlencoded").body(form);
    Req { service: "sts", ..form }
}

#[tokio::test]
async fn an_amz_header_that_isnt_signed_is_refused() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    let request = s3.put("main/b", "");
    for (name, value) in [("x-amz-copy-source", "/trips/main/a"), ("x-amz-meta-owner", "eve")] {
        let (mut headers, body) = request.signed();
        headers.push((name.into(), value.into()));
        let answer = crate::client::send(s3.addr, Method::PUT, &request.target, &headers, body, None).await;
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
    }
    assert_eq!(s3.keys_on("main").await, ["main/a"]);
}

#[tokio::test]
async fn every_route_works_for_who_may() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    for (name, route) in routes(&s3).await {
        let answer = route.send().await;
        assert_ne!(answer.status, 403, "{name}: {answer:?}");
        assert!(!answer.status.is_server_error(), "{name}: {answer:?}");
    }
}

/// Sends the head of a PUT with `Expect: 100-continue`, and gives the status line that comes first.
async fn first_status(s3: &TestGateway, request: &Req) -> (tokio::net::TcpStream, String) {
    let (mut headers, body) = request.signed();
    headers.push(("content-length".into(), body.len().to_string()));
    headers.push(("expect".into(), "100-continue".into()));
    let head = format!("PUT {} HTTP/1.1\r\n{}\r\n", request.target, lines(&headers));
    let mut stream = tokio::net::TcpStream::connect(s3.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(line).unwrap())
}

#[tokio::test]
async fn continue_is_said_only_to_who_may_write() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/taken"]).await;
    s3.create_tag("v1", "main").await;
    let put = |key: &str| s3.put(key, "0123456789");
    let (mut stream, line) = first_status(&s3, &put("main/a")).await;
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(b"0123456789").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") || answer.len() < 10 {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("\r\nHTTP/1.1 200"), "{answer:?}");

    let mut wrong = put("main/b");
    wrong.keys.secret.push('x');
    let mut unknown = put("main/b");
    unknown.keys.id = "AKNOBODY".into();
    for (request, status) in [
        (wrong, "403"),
        (unknown, "403"),
        (put("v1/b"), "405"),
        (put("nope/b"), "404"),
        (put("main/taken").header("if-none-match", "*"), "412"),
        (put("main/b").header("content-md5", "bogus"), "400"),
        (put("main/b").header("x-amz-meta-big", "v".repeat(3000)), "400"),
        (put("main/b").mode(Mode::Unsigned).header("x-amz-acl", "public-read"), "501"),
    ] {
        let (mut stream, line) = first_status(&s3, &request).await;
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {line}");
        // What comes next on the connection would be the client's next request, or the body: it must end.
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert!(rest.to_lowercase().contains("\r\nconnection: close\r\n"), "{status}: {rest}");
    }
    assert_eq!(s3.keys_on("main").await, ["main/a", "main/taken"]);

    let (mut stream, line) = first_status(&s3, &s3.put("main/empty", "")).await;
    assert_eq!(line, "HTTP/1.1 200 OK\r\n", "nothing is to be continued");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.to_lowercase().contains("\r\nconnection: close\r\n"), "{rest}");
}

#[tokio::test]
async fn heads_are_bounded() {
    let s3 = TestGateway::start().await;
    let mut request = s3.get("main/a");
    for i in 0..20 {
        request = request.header(&format!("x-filler-{i}"), "f".repeat(1000));
    }
    request.send().await.expect_error(400, "RequestHeaderSectionTooLarge");
}
