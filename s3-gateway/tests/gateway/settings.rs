//! What S3 says of buckets and objects that nothing was set for; who owns them; and encryption at rest.

use std::sync::Arc;

use http::Method;
use s3_gateway::GatewayOptions;
use storage::{Scheme, StoreSettings, Stores};

use crate::client::crc32;
use crate::harness::{TestGateway, name};
use crate::upload::{MIB, Upload, part};

#[tokio::test]
async fn a_bucket_has_none_of_s3_s_settings() {
    let s3 = TestGateway::start().await;
    let document = |root: &str, inside: &str| {
        let namespace = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} {namespace}>{inside}</{root}>")
    };
    for (setting, root, inside) in [
        ("versioning", "VersioningConfiguration", ""),
        ("accelerate", "AccelerateConfiguration", ""),
        ("logging", "BucketLoggingStatus", ""),
        ("notification", "NotificationConfiguration", ""),
        ("requestPayment", "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"),
        (
            "ownershipControls",
            "OwnershipControls",
            "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>",
        ),
    ] {
        let answer = s3.request(Method::GET, &format!("/trips?{setting}")).send().await.expect(200);
        assert_eq!(answer.text(), document(root, inside));
    }
    for (setting, code) in [
        ("cors", "NoSuchCORSConfiguration"),
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("policy", "NoSuchBucketPolicy"),
        ("policyStatus", "NoSuchBucketPolicy"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("tagging", "NoSuchTagSet"),
        ("website", "NoSuchWebsiteConfiguration"),
    ] {
        s3.request(Method::GET, &format!("/trips?{setting}")).send().await.expect_error(404, code);
        for method in [Method::PUT, Method::DELETE] {
            s3.request(method, &format!("/trips?{setting}")).send().await.expect_error(501, "NotImplemented");
        }
    }
    s3.request(Method::PUT, "/trips?versioning").send().await.expect_error(501, "NotImplemented");
    s3.put_all(&["main/a"]).await;
    for lock in ["retention", "legal-hold"] {
        s3.get("main/a").query(&[(lock, "")]).send().await.expect_error(400, "InvalidRequest");
        s3.get("main/nope").query(&[(lock, "")]).send().await.expect_error(404, "NoSuchKey");
        s3.put("main/a", "").query(&[(lock, "")]).send().await.expect_error(501, "NotImplemented");
    }
}

#[tokio::test]
async fn everything_belongs_to_the_caller() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    let listed = s3.request(Method::GET, "/").send().await.expect(200);
    let owner = listed.one("ID");
    for target in ["/trips?acl", "/trips/main/a?acl"] {
        let acl = s3.request(Method::GET, target).send().await.expect(200);
        assert_eq!(acl.all("ID"), [owner.as_str(), &owner], "{target}");
        assert_eq!(acl.one("Permission"), "FULL_CONTROL");
        assert!(acl.text().contains("xsi:type=\"CanonicalUser\""), "{acl:?}");
        s3.request(Method::PUT, target).send().await.expect_error(501, "NotImplemented");
    }
    s3.get("main/nope").query(&[("acl", "")]).send().await.expect_error(404, "NoSuchKey");

    for (header, request) in [
        ("x-amz-expected-bucket-owner", s3.request(Method::GET, "/trips?list-type=2")),
        ("x-amz-expected-bucket-owner", s3.put("main/a", "new")),
        ("x-amz-expected-bucket-owner", s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a")),
        (
            "x-amz-source-expected-bucket-owner",
            s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a"),
        ),
    ] {
        request.clone().header(header, "111122223333").send().await.expect_error(403, "AccessDenied");
        assert_eq!(s3.keys_on("main").await, ["main/a"]);
        request.header(header, &*owner).send().await.expect(200);
        s3.delete("main/b").send().await.expect(204);
    }
}

#[tokio::test]
async fn attributes_are_those_of_the_object() {
    let s3 = TestGateway::start().await;
    let put = s3.put("main/a", "bytes").header("x-amz-checksum-crc32", crc32(b"bytes"));
    let e_tag = put.header("x-amz-storage-class", "STANDARD_IA").send().await.expect(200).e_tag().to_owned();
    let ask =
        |key: &str, wanted: &str| s3.get(key).query(&[("attributes", "")]).header("x-amz-object-attributes", wanted);
    let all = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize";
    let told = ask("main/a", all).send().await.expect(200);
    assert_eq!(told.one("ETag"), e_tag.trim_matches('"'));
    assert_eq!((told.one("ChecksumCRC32"), told.one("ChecksumType")), (crc32(b"bytes"), "FULL_OBJECT".to_owned()));
    assert_eq!((told.one("StorageClass"), told.one("ObjectSize")), ("STANDARD_IA".to_owned(), "5".to_owned()));
    assert!(!told.text().contains("ObjectParts") && !told.get("last-modified").is_empty(), "{told:?}");
    let told = ask("main/a", "ObjectSize").send().await.expect(200);
    assert!(!["ETag", "Checksum", "StorageClass"].iter().any(|name| told.text().contains(name)), "{told:?}");
    ask("main/nope", all).send().await.expect_error(404, "NoSuchKey");
    ask("main/a", "Owner").send().await.expect_error(400, "InvalidArgument");
    s3.get("main/a").query(&[("attributes", "")]).send().await.expect_error(400, "InvalidRequest");
}

#[tokio::test]
async fn parts_are_told_page_by_page() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/parts", &[]).await;
    for (number, bytes) in [(1, 5 * MIB), (2, 5 * MIB), (900, 7)] {
        upload.put(number, &part(1, bytes)).await;
    }
    upload.complete().await.expect(200);
    let page = async |after: &str, amount: &str| {
        let ask = s3.get("main/parts").query(&[("attributes", "")]).header("x-amz-object-attributes", "ObjectParts");
        let told =
            ask.header("x-amz-part-number-marker", after).header("x-amz-max-parts", amount).send().await.expect(200);
        assert_eq!(told.one("PartsCount"), "3");
        let parts: Vec<_> = told.all("PartNumber").into_iter().zip(told.all("Size")).collect();
        (parts, told.one("NextPartNumberMarker"), told.one("IsTruncated"))
    };
    let told = |number: u32, size: usize| (number.to_string(), size.to_string());
    assert_eq!(page("0", "2").await, (vec![told(1, 5 * MIB), told(2, 5 * MIB)], "2".into(), "true".into()));
    assert_eq!(page("2", "2").await, (vec![told(3, 7)], "3".into(), "false".into()));
    assert_eq!(page("3", "2").await, (vec![], "3".into(), "false".into()));
    assert_eq!(page("0", "0").await, (vec![], "0".into(), "true".into()));
    assert_eq!(page("4294967295", "1000").await.0, vec![]);
}

/// A gateway over a store that passes for Amazon's.
async fn over_amazon() -> TestGateway {
    let memory = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let mut kept = None;
    memory.decorated(|store, multipart| {
        kept = Some((Arc::clone(&store), Arc::clone(&multipart)));
        (store, multipart)
    });
    let (store, multipart) = kept.unwrap();
    TestGateway::start_on(Stores::with_store(store, multipart, Scheme::S3), GatewayOptions::default()).await
}

#[tokio::test]
async fn encryption_is_promised_only_by_stores_that_encrypt() {
    const SSE: &str = "x-amz-server-side-encryption";
    let s3 = over_amazon().await;
    assert_eq!(s3.put("main/a", "bytes").header(SSE, "AES256").send().await.expect(200).get(SSE), "AES256");
    assert_eq!(s3.put("main/a", "bytes").send().await.expect(200).get(SSE), "AES256", "S3 tells it unasked");
    assert_eq!(s3.get("main/a").send().await.expect(200).get(SSE), "AES256");
    assert_eq!(s3.head("main/a").send().await.expect(200).get(SSE), "AES256");
    let begin = s3.on(Method::POST, "main/b").query(&[("uploads", "")]).header(SSE, "AES256");
    assert_eq!(begin.send().await.expect(200).get(SSE), "AES256");
    let copy = s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a").header(SSE, "AES256");
    assert_eq!(copy.send().await.expect(200).get(SSE), "AES256");
    assert_eq!(s3.delete("main/b").send().await.expect(204).get(SSE), "");
    let asked = s3.request(Method::GET, "/trips?encryption").send().await.expect(200);
    assert_eq!(asked.one("SSEAlgorithm"), "AES256");
    for (header, value) in [
        (SSE, "aws:kms"),
        (SSE, "aws:kms:dsse"),
        (SSE, "DES"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "k"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ] {
        s3.put("main/c", "bytes").header(header, value).send().await.expect_error(501, "NotImplemented");
    }

    let local = TestGateway::start().await;
    let refused = local.put("main/a", "bytes").header(SSE, "AES256").send().await.expect_error(501, "NotImplemented");
    assert!(refused.one("Message").contains("encrypt"), "{refused:?}");
    assert!(local.graveler.stat(&name(), &"main".parse().unwrap(), &"a".parse().unwrap()).await.unwrap().is_none());
    assert_eq!(local.put("main/a", "bytes").send().await.expect(200).get(SSE), "");
    assert_eq!(local.head("main/a").send().await.expect(200).get(SSE), "");
}
