//! CopyObject: within a repository no bytes move, across repositories they are streamed.

use http::Method;
use model::Address;

use crate::client::{crc32, md5_e_tag};
use crate::harness::{TestGateway, name};

async fn address(s3: &TestGateway, reference: &str, path: &str) -> Address {
    let found = s3.graveler.stat(&name(), &reference.parse().unwrap(), &path.parse().unwrap()).await.unwrap();
    found.unwrap().entry.address
}

#[tokio::test]
async fn a_copy_within_a_repository_shares_the_bytes() {
    let s3 = TestGateway::start().await;
    let put = s3.put("main/a", "bytes").header("x-amz-meta-k", "v").header("content-type", "text/plain");
    let e_tag = put.header("x-amz-checksum-crc32", crc32(b"bytes")).send().await.expect(200).e_tag().to_owned();
    s3.commit("main").await;
    s3.create_branch("dev", "main").await;
    for (source, target) in [("/trips/main/a", "main/b"), ("trips/main%2Fa", "dev/c"), ("/trips/main@/a", "dev/d")] {
        let copied = s3.on(Method::PUT, target).header("x-amz-copy-source", source).send().await.expect(200);
        assert_eq!(copied.one("ETag"), e_tag);
        let got = s3.get(target).header("x-amz-checksum-mode", "ENABLED").send().await.expect(200);
        assert_eq!((got.text(), got.get("x-amz-meta-k"), got.get("content-type")), ("bytes", "v", "text/plain"));
        assert_eq!(got.get("x-amz-checksum-crc32"), crc32(b"bytes"));
        let (reference, path) = target.split_once('/').unwrap();
        assert_eq!(address(&s3, reference, path).await, address(&s3, "main", "a").await);
    }
}

#[tokio::test]
async fn a_copy_can_say_anew_what_its_object_is() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").header("x-amz-meta-k", "v").send().await.expect(200);
    let onto_itself = || s3.on(Method::PUT, "main/a").header("x-amz-copy-source", "/trips/main/a");
    onto_itself().send().await.expect_error(400, "InvalidRequest");
    let replace = onto_itself().header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-n", "w");
    replace.header("content-type", "text/csv").send().await.expect(200);
    let got = s3.get("main/a").send().await.expect(200);
    assert_eq!((got.text(), got.get("x-amz-meta-k"), got.get("x-amz-meta-n")), ("bytes", "", "w"));
    assert_eq!(got.get("content-type"), "text/csv");
    onto_itself().header("x-amz-metadata-directive", "MERGE").send().await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_copy_across_repositories_moves_the_bytes() {
    let s3 = TestGateway::start().await;
    s3.request(Method::PUT, "/flights").send().await.expect(200);
    let bytes = vec![7; 300_000];
    s3.put("main/a", bytes.clone()).header("x-amz-meta-k", "v").send().await.expect(200);
    let copy = s3.request(Method::PUT, "/flights/main/b").header("x-amz-copy-source", "/trips/main/a");
    assert_eq!(copy.send().await.expect(200).one("ETag"), md5_e_tag(&bytes));
    s3.delete("main/a").send().await.expect(204);
    let got = s3.request(Method::GET, "/flights/main/b").send().await.expect(200);
    assert_eq!((got.bytes().as_ref(), got.get("x-amz-meta-k")), (bytes.as_slice(), "v"));
}

#[tokio::test]
async fn conditions_on_the_source_and_the_target_hold() {
    let s3 = TestGateway::start().await;
    let e_tag = s3.put("main/a", "bytes").send().await.expect(200).e_tag().to_owned();
    let copy = |name: &str, value: &str| {
        let copy = s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a");
        copy.header(name, value.to_owned()).send()
    };
    copy("x-amz-copy-source-if-match", "\"0123\"").await.expect_error(412, "PreconditionFailed");
    copy("x-amz-copy-source-if-none-match", &e_tag).await.expect_error(412, "PreconditionFailed");
    copy("x-amz-copy-source-if-modified-since", "Wed, 06 Nov 2097 08:49:37 GMT").await.expect(412);
    copy("x-amz-copy-source-if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT").await.expect(412);
    s3.get("main/b").send().await.expect(404);
    copy("x-amz-copy-source-if-match", &e_tag).await.expect(200);
    copy("if-none-match", "*").await.expect_error(412, "PreconditionFailed");
}

#[tokio::test]
async fn a_checksum_that_is_asked_for_is_computed() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").send().await.expect(200);
    let copy = s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a");
    let copied = copy.header("x-amz-checksum-algorithm", "CRC32").send().await.expect(200);
    assert_eq!(copied.one("ChecksumCRC32"), crc32(b"bytes"));
}

#[tokio::test]
async fn sources_that_arent_there_are_told_apart() {
    let s3 = TestGateway::start().await;
    for (source, status, code) in [
        ("/trips/main/nope", 404, "NoSuchKey"),
        ("/trips/nope/a", 404, "NoSuchKey"),
        ("/trips/main", 404, "NoSuchKey"),
        ("/nope/main/a", 404, "NoSuchBucket"),
    ] {
        let copy = s3.on(Method::PUT, "main/b").header("x-amz-copy-source", source);
        copy.send().await.expect_error(status, code);
    }
    let odd = s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "nothing").send().await;
    assert_eq!(odd.status, 400, "{odd:?}");
    assert!(s3.keys_on("main").await.is_empty());
}

#[tokio::test]
async fn storage_class_and_redirect_are_the_copy_s_own() {
    let s3 = TestGateway::start().await;
    let put =
        s3.put("main/a", "bytes").header("x-amz-storage-class", "STANDARD_IA").header("cache-control", "no-cache");
    put.header("x-amz-website-redirect-location", "/x").send().await.expect(200);
    let copied = async |target: &str, headers: &[(&str, &str)]| {
        let copy = s3.on(Method::PUT, target).header("x-amz-copy-source", "/trips/main/a");
        headers.iter().fold(copy, |copy, (name, value)| copy.header(name, *value)).send().await.expect(200);
        let got = s3.head(target).send().await.expect(200);
        assert_eq!(got.get("cache-control"), "no-cache", "{headers:?}");
        [got.get("x-amz-storage-class"), got.get("x-amz-website-redirect-location")].map(str::to_owned)
    };
    assert_eq!(copied("main/b", &[]).await, ["", ""]);
    assert_eq!(copied("main/b", &[("x-amz-storage-class", "GLACIER_IR")]).await, ["GLACIER_IR", ""]);
    assert_eq!(copied("main/b", &[("x-amz-website-redirect-location", "/y")]).await, ["", "/y"]);
    // S3's way to change the class of an object.
    assert_eq!(copied("main/a", &[("x-amz-storage-class", "ONEZONE_IA")]).await, ["ONEZONE_IA", ""]);
    let tags_alone = s3.on(Method::PUT, "main/a").header("x-amz-copy-source", "/trips/main/a");
    let tags_alone = tags_alone.header("x-amz-tagging-directive", "REPLACE").header("x-amz-tagging", "k=v");
    tags_alone.send().await.expect_error(400, "InvalidRequest");
}
