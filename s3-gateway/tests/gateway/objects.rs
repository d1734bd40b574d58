//! Objects: what is put comes back, with all that was said of it.

use http::Method;

use crate::client::{Mode, content_md5, crc32, md5_e_tag, sha256};
use crate::harness::{TestGateway, name};

#[tokio::test]
async fn what_is_put_comes_back() {
    let s3 = TestGateway::start().await;
    let put = s3.put("main/dir/file.txt", "hello").send().await.expect(200);
    assert_eq!(put.e_tag(), md5_e_tag(b"hello"));
    let got = s3.get("main/dir/file.txt").send().await.expect(200);
    assert_eq!(got.text(), "hello");
    assert_eq!(got.e_tag(), put.e_tag());
    assert_eq!(got.get("content-length"), "5");
    assert_eq!(got.get("content-type"), "binary/octet-stream");
    assert_eq!(got.get("accept-ranges"), "bytes");
    assert!(got.get("last-modified").ends_with(" GMT"));
    let head = s3.head("main/dir/file.txt").send().await.expect(200);
    assert_eq!((head.e_tag(), head.get("content-length")), (put.e_tag(), "5"));
    assert!(head.bytes().is_empty());
}

#[tokio::test]
async fn an_object_is_read_staged_and_committed() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "one").send().await.expect(200);
    let commit = s3.commit("main").await;
    s3.put("main/a", "two").send().await.expect(200);
    for (reference, bytes) in [("main", "two"), ("main@", "one"), (&*commit.to_string(), "one"), ("main$", "two")] {
        assert_eq!(s3.get(&format!("{reference}/a")).send().await.expect(200).text(), bytes, "{reference}");
    }
    s3.get("main~1/a").send().await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let s3 = TestGateway::start().await;
    let put = s3.put("main/empty", "").send().await.expect(200);
    assert_eq!(put.e_tag(), "\"d41d8cd98f00b204e9800998ecf8427e\"");
    let got = s3.get("main/empty").send().await.expect(200);
    assert_eq!((got.get("content-length"), got.bytes().len()), ("0", 0));
    s3.get("main/empty").header("range", "bytes=0-1").send().await.expect_error(416, "InvalidRange");
}

#[tokio::test]
async fn folder_markers_are_objects_and_a_ref_is_its_own_folder() {
    let s3 = TestGateway::start().await;
    s3.put("main/dir/", "").send().await.expect(200);
    s3.head("main/dir/").send().await.expect(200);
    s3.head("main/dir").send().await.expect(404);
    assert_eq!(s3.keys_on("main").await, ["main/dir/"]);
    s3.put("main/", "").send().await.expect(200);
    s3.head("main/").send().await.expect(200);
    s3.head("main").send().await.expect(404);
    s3.head("nope/").send().await.expect(404);
    s3.put("nope/", "").send().await.expect_error(404, "NoSuchBucket");
    s3.put("main/", "bytes").send().await.expect_error(400, "InvalidArgument");
    s3.put("main", "bytes").send().await.expect_error(400, "InvalidArgument");
    s3.delete("main/").send().await.expect(204);
    s3.head("main/").send().await.expect(200);
    assert_eq!(s3.keys_on("main").await, ["main/dir/"]);
}

#[tokio::test]
async fn metadata_and_standard_headers_are_kept() {
    let s3 = TestGateway::start().await;
    let put = s3.put("main/a", "x").header("content-type", "text/plain").header("cache-control", "no-cache");
    let put = put.header("content-disposition", "attachment").header("content-language", "de");
    let put = put.header("x-amz-meta-Owner", "Zoe").header("expires", "Thu, 01 Dec 2033 16:00:00 GMT");
    let put = put.header("content-encoding", "gzip").header("x-amz-storage-class", "STANDARD_IA");
    put.send().await.expect(200);
    s3.commit("main").await;
    for got in [s3.get("main/a").send().await.expect(200), s3.head("main/a").send().await.expect(200)] {
        assert_eq!(got.get("content-type"), "text/plain");
        assert_eq!(got.get("cache-control"), "no-cache");
        assert_eq!(got.get("content-disposition"), "attachment");
        assert_eq!(got.get("content-language"), "de");
        assert_eq!(got.get("content-encoding"), "gzip");
        assert_eq!(got.get("expires"), "Thu, 01 Dec 2033 16:00:00 GMT");
        assert_eq!(got.get("x-amz-meta-owner"), "Zoe");
        assert_eq!(got.get("x-amz-storage-class"), "STANDARD_IA");
    }
    let large = s3.put("main/b", "x").header("x-amz-meta-big", "v".repeat(3000)).send().await;
    large.expect_error(400, "MetadataTooLarge");
    s3.get("main/b").send().await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn aws_chunked_is_no_content_encoding_of_the_object() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "x").mode(Mode::ChunksSigned).send().await.expect(200);
    assert_eq!(s3.get("main/a").send().await.expect(200).get("content-encoding"), "");
}

#[tokio::test]
async fn response_headers_can_be_overridden_by_the_request() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "x").header("content-type", "text/plain").send().await.expect(200);
    let got = s3.get("main/a").query(&[
        ("response-content-type", "text/csv"),
        ("response-content-disposition", "attachment; filename=\"x.csv\""),
        ("response-cache-control", "no-store"),
    ]);
    let got = got.send().await.expect(200);
    assert_eq!(got.get("content-type"), "text/csv");
    assert_eq!(got.get("content-disposition"), "attachment; filename=\"x.csv\"");
    assert_eq!(got.get("cache-control"), "no-store");
}

#[tokio::test]
async fn users_html_is_no_page_of_our_origin() {
    let s3 = TestGateway::start().await;
    s3.put("main/a.html", "<script>").header("content-type", "text/html").send().await.expect(200);
    let got = s3.get("main/a.html").send().await.expect(200);
    assert!(got.get("content-security-policy").contains("sandbox"));
    assert_eq!(got.get("x-content-type-options"), "nosniff");
    let missing = s3.get("main/<script>").send().await.expect(404);
    assert_eq!(missing.get("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn digests_are_verified_kept_and_returned() {
    let s3 = TestGateway::start().await;
    let put = s3.put("main/a", "bytes").header("content-md5", content_md5(b"bytes"));
    put.header("x-amz-checksum-sha256", sha256(b"bytes")).send().await.expect(200);
    let got = s3.get("main/a").header("x-amz-checksum-mode", "ENABLED").send().await.expect(200);
    assert_eq!(got.get("x-amz-checksum-sha256"), sha256(b"bytes"));
    assert_eq!(got.get("x-amz-checksum-type"), "FULL_OBJECT");
    assert_eq!(s3.get("main/a").send().await.expect(200).get("x-amz-checksum-sha256"), "");
    let ranged = s3.get("main/a").header("x-amz-checksum-mode", "ENABLED").header("range", "bytes=0-1");
    assert_eq!(ranged.send().await.expect(206).get("x-amz-checksum-sha256"), "");
}

#[tokio::test]
async fn a_wrong_digest_stores_nothing() {
    let s3 = TestGateway::start().await;
    let wrong_md5 = s3.put("main/a", "bytes").header("content-md5", content_md5(b"other")).send().await;
    wrong_md5.expect_error(400, "BadDigest");
    let wrong_crc = s3.put("main/a", "bytes").header("x-amz-checksum-crc32", crc32(b"other")).send().await;
    wrong_crc.expect(400);
    let malformed = s3.put("main/a", "bytes").header("content-md5", "%%%").send().await;
    malformed.expect_error(400, "InvalidDigest");
    s3.get("main/a").send().await.expect_error(404, "NoSuchKey");
    assert!(s3.keys_on("main").await.is_empty());
}

#[tokio::test]
async fn subresources_that_lakebed_lacks_are_not_implemented() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").send().await.expect(200);
    for (method, name) in [
        (Method::PUT, "acl"),
        (Method::PUT, "retention"),
        (Method::GET, "attributes"),
        (Method::POST, "restore"),
        (Method::GET, "torrent"),
        (Method::GET, "versionId"),
    ] {
        let target = format!("/trips/main/a?{name}{}", if name == "versionId" { "=3" } else { "" });
        let refused = s3.request(method, &target).send().await;
        assert!(refused.status.is_client_error() || refused.status == 501, "{target}: {refused:?}");
    }
    for name in ["versions", "analytics", "inventory", "metrics", "intelligent-tiering", "session"] {
        let refused = s3.request(Method::GET, &format!("/trips?{name}")).send().await;
        refused.expect_error(501, "NotImplemented");
    }
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "bytes");
}

#[tokio::test]
async fn metadata_that_is_not_ascii_comes_back_as_s3_encodes_it() {
    let s3 = TestGateway::start().await;
    let raw = s3.put("main/raw", "x").header("x-amz-meta-name", "ÄMÄZÕÑ S3").header("cache-control", "é");
    raw.send().await.expect(200);
    let words = s3.put("main/words", "x").header("x-amz-meta-name", "=?ISO-8859-1?Q?=C4M=C4Z=D5=D1?= =?utf-8?q?_S3?=");
    words.send().await.expect(200);
    let copy = s3.on(Method::PUT, "main/copy").header("x-amz-copy-source", "/trips/main/raw");
    copy.send().await.expect(200);
    for key in ["main/raw", "main/words", "main/copy"] {
        let kept = s3.graveler.stat(&name(), &"main".parse().unwrap(), &key[5..].parse().unwrap()).await.unwrap();
        assert_eq!(kept.unwrap().entry.metadata["name"], "ÄMÄZÕÑ S3", "{key}: REST and gRPC tell the text");
        for method in [Method::GET, Method::HEAD] {
            let got = s3.on(method, key).send().await.expect(200);
            assert_eq!(got.get("x-amz-meta-name"), "=?UTF-8?B?w4RNw4Raw5XDkSBTMw==?=", "{key}");
            assert!(got.headers.values().all(|value| value.to_str().is_ok()), "{got:?}");
        }
    }
    assert_eq!(s3.head("main/raw").send().await.expect(200).get("cache-control"), "=?UTF-8?B?w6k=?=");
}
