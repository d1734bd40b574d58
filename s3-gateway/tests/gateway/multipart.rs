//! Multipart uploads, from begin to end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;

use crate::client::{crc32, encoded, md5_e_tag};
use crate::harness::TestGateway;
use crate::upload::{MIB, Upload, part, whole_e_tag};

#[tokio::test]
async fn parts_become_an_object() {
    let s3 = TestGateway::start().await;
    let headers = [("content-type", "text/plain"), ("x-amz-meta-k", "v"), ("cache-control", "no-cache")];
    let mut upload = Upload::begin(&s3, "main/dir/large file", &headers).await;
    let (a, b, c) = (part(1, 5 * MIB), part(2, 5 * MIB + 7), part(3, 10));
    upload.put(3, &c).await;
    upload.put(1, &part(9, 6 * MIB)).await;
    upload.put(1, &a).await;
    upload.put(2, &b).await;
    s3.get("main/dir/large file").send().await.expect(404);
    let done = upload.complete().await.expect(200);
    assert_eq!(done.one("ETag"), whole_e_tag(&[&a, &b, &c]));
    let got = s3.get("main/dir/large file").send().await.expect(200);
    assert_eq!(got.bytes(), &[a, b, c].concat());
    assert_eq!(got.e_tag(), done.one("ETag"));
    assert_eq!(
        (got.get("content-type"), got.get("x-amz-meta-k"), got.get("cache-control")),
        ("text/plain", "v", "no-cache")
    );
    upload.abort().await.expect_error(404, "NoSuchUpload");
}

#[tokio::test]
async fn gaps_and_left_out_parts_are_fine() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    let (a, b) = (part(1, 5 * MIB), part(2, 3));
    upload.put(5, &a).await;
    upload.put(6, &part(7, 5 * MIB)).await;
    upload.put(10_000, &b).await;
    let parts = [upload.parts[0].clone(), upload.parts[2].clone()];
    let done = upload.complete_with(&parts, &[]).await.expect(200);
    assert_eq!(done.one("ETag"), whole_e_tag(&[&a, &b]));
    assert_eq!(s3.get("main/a").send().await.expect(200).bytes(), &[a, b].concat());
}

#[tokio::test]
async fn completions_that_dont_fit_are_refused_and_can_be_repeated() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    let (a, b) = (part(1, 100), part(2, 100));
    upload.put(1, &a).await;
    upload.put(2, &b).await;
    let parts = upload.parts.clone();
    upload.complete().await.expect_error(400, "EntityTooSmall");
    let swapped = [parts[1].clone(), parts[0].clone()];
    upload.complete_with(&swapped, &[]).await.expect_error(400, "InvalidPartOrder");
    let wrong = [(1, "\"0123\"".to_owned())];
    upload.complete_with(&wrong, &[]).await.expect_error(400, "InvalidPart");
    upload.complete_with(&[(3, parts[0].1.clone())], &[]).await.expect_error(400, "InvalidPart");
    upload.complete_with(&[], &[]).await.expect_error(400, "MalformedXML");
    upload.complete_with(&parts[..1], &[("x-amz-mp-object-size", "7")]).await.expect_error(400, "InvalidRequest");
    s3.get("main/a").send().await.expect(404);
    upload.complete_with(&parts[..1], &[("x-amz-mp-object-size", "100")]).await.expect(200);
    assert_eq!(s3.get("main/a").send().await.expect(200).bytes(), &a);
}

#[tokio::test]
async fn an_upload_is_bound_to_its_key() {
    let s3 = TestGateway::start().await;
    s3.create_branch("dev", "main").await;
    s3.request(Method::PUT, "/flights").send().await.expect(200);
    let upload = Upload::begin(&s3, "main/a", &[]).await;
    for target in ["/trips/main/b", "/trips/dev/a", "/flights/main/a"] {
        let query = [("uploadId", upload.id.as_str()), ("partNumber", "1")];
        let put = s3.request(Method::PUT, target).query(&query).body("x").send().await;
        put.expect_error(404, "NoSuchUpload");
        let abort = s3.request(Method::DELETE, target).query(&query[..1]).send().await;
        abort.expect_error(404, "NoSuchUpload");
        s3.request(Method::GET, target).query(&query[..1]).send().await.expect_error(404, "NoSuchUpload");
    }
    for id in ["0000000000000000", "bogus", "../x"] {
        let put = s3.put("main/a", "x").query(&[("uploadId", id), ("partNumber", "1")]).send().await;
        put.expect_error(404, "NoSuchUpload");
    }
    for number in ["0", "10001", "x"] {
        let put = s3.put("main/a", "x").query(&[("uploadId", &upload.id), ("partNumber", number)]).send().await;
        put.expect_error(400, "InvalidArgument");
    }
    upload.abort().await.expect(204);
    upload.abort().await.expect_error(404, "NoSuchUpload");
    s3.get("main/a").send().await.expect(404);
}

#[tokio::test]
async fn parts_are_listed_in_pages() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    for number in [4, 1, 7] {
        upload.put(number, &part(number as u8, 10 + number as usize)).await;
    }
    let all = upload.list(&[]).await.expect(200);
    assert_eq!(all.all("PartNumber"), ["1", "4", "7"]);
    assert_eq!(all.all("Size"), ["11", "14", "17"]);
    let first = upload.list(&[("max-parts", "2")]).await.expect(200);
    assert_eq!((first.one("IsTruncated").as_str(), first.one("NextPartNumberMarker").as_str()), ("true", "4"));
    let second = upload.list(&[("max-parts", "2"), ("part-number-marker", "4")]).await.expect(200);
    assert_eq!((second.all("PartNumber"), second.one("IsTruncated").as_str()), (vec!["7".to_owned()], "false"));
}

#[tokio::test]
async fn uploads_are_listed_over_branches_in_pages() {
    let s3 = TestGateway::start().await;
    s3.create_branch("dev", "main").await;
    s3.create_branch("dev-2", "main").await;
    let mut keys = Vec::new();
    for key in ["main/b/1", "main/a", "dev/z", "main/b/2", "dev-2/a", "main/a"] {
        Upload::begin(&s3, key, &[]).await;
        keys.push(key);
    }
    keys.sort_unstable();
    for max in ["1", "2", "1000"] {
        let (mut seen, mut marker, mut id) = (Vec::new(), String::new(), String::new());
        loop {
            let pairs = [("uploads", ""), ("max-uploads", max), ("key-marker", &marker), ("upload-id-marker", &id)];
            let page = s3.request(Method::GET, "/trips").query(&pairs).send().await.expect(200);
            seen.extend(page.all("Key"));
            if page.one("IsTruncated") == "false" {
                break;
            }
            (marker, id) = (page.one("NextKeyMarker"), page.one("NextUploadIdMarker"));
        }
        assert_eq!(seen, keys, "{max}");
    }
    let folders = s3.request(Method::GET, "/trips").query(&[("uploads", ""), ("prefix", "main/"), ("delimiter", "/")]);
    let folders = folders.send().await.expect(200);
    assert_eq!(folders.all("Key"), ["main/a", "main/a"]);
    assert!(folders.one("CommonPrefixes").contains("main/b/"));
}

#[tokio::test]
async fn a_part_can_be_copied() {
    let s3 = TestGateway::start().await;
    let source = part(5, 6 * MIB);
    s3.put("main/source", source.clone()).send().await.expect(200);
    s3.commit("main").await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    let copy = |number: &str, range: Option<&str>| {
        let request = s3.on(Method::PUT, "main/a").query(&[("partNumber", number), ("uploadId", &upload.id)]);
        let request = request.header("x-amz-copy-source", format!("/trips/{}", encoded("main@/source")));
        match range {
            Some(range) => request.header("x-amz-copy-source-range", range).send(),
            None => request.send(),
        }
    };
    let whole = copy("1", None).await.expect(200);
    assert_eq!(whole.one("ETag"), md5_e_tag(&source));
    let range = copy("2", Some("bytes=10-19")).await.expect(200);
    assert_eq!(range.one("ETag"), md5_e_tag(&source[10..20]));
    copy("3", Some("bytes=0-6291456")).await.expect_error(400, "InvalidArgument");
    copy("3", Some("bytes=9-")).await.expect_error(400, "InvalidArgument");
    copy("3", Some("bytes=-9")).await.expect_error(400, "InvalidArgument");
    upload.parts = vec![(1, whole.one("ETag")), (2, range.one("ETag"))];
    upload.complete().await.expect(200);
    let got = s3.get("main/a").send().await.expect(200);
    assert_eq!(got.bytes(), &[&source[..], &source[10..20]].concat());
}

#[tokio::test]
async fn checksums_of_parts_make_that_of_the_whole() {
    let s3 = TestGateway::start().await;
    let (a, b) = (part(1, 5 * MIB), part(2, 33));
    for (kind, whole) in [
        ("COMPOSITE", {
            let digests = [crc32(&a), crc32(&b)].map(|sum| BASE64.decode(sum).unwrap()).concat();
            format!("{}-2", crc32(&digests))
        }),
        ("FULL_OBJECT", crc32(&[a.clone(), b.clone()].concat())),
    ] {
        let headers = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", kind)];
        let mut upload = Upload::begin(&s3, "main/a", &headers).await;
        for (number, bytes) in [(1, &a), (2, &b)] {
            let put = upload.put_with(number, bytes, &[("x-amz-checksum-crc32", crc32(bytes))]).await.expect(200);
            assert_eq!(put.get("x-amz-checksum-crc32"), crc32(bytes));
        }
        let said = |(n, e_tag): &(u32, String), bytes| {
            (*n, format!("<ETag>{e_tag}</ETag><ChecksumCRC32>{}</ChecksumCRC32>", crc32(bytes)))
        };
        let parts = [said(&upload.parts[0], &a), said(&upload.parts[1], &b)];
        for (header, value, code) in [
            ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
            ("x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "InvalidRequest"),
            ("x-amz-checksum-type", if kind == "COMPOSITE" { "FULL_OBJECT" } else { "COMPOSITE" }, "InvalidRequest"),
            ("x-amz-checksum-type", "nonsense", "InvalidRequest"),
        ] {
            upload.complete_saying(&parts, &[(header, value)]).await.expect_error(400, code);
        }
        if kind == "COMPOSITE" {
            upload.complete().await.expect_error(400, "InvalidRequest");
            let half = [parts[0].clone(), (2, format!("<ETag>{}</ETag>", upload.parts[1].1))];
            upload.complete_saying(&half, &[]).await.expect_error(400, "InvalidRequest");
        }
        let wrong = [said(&upload.parts[0], &b), parts[1].clone()];
        upload.complete_saying(&wrong, &[]).await.expect_error(400, "InvalidPart");
        let headers = [("x-amz-checksum-type", kind), ("x-amz-checksum-crc32", &*whole)];
        let done = upload.complete_saying(&parts, &headers).await.expect(200);
        assert_eq!((done.one("ChecksumCRC32"), done.one("ChecksumType")), (whole.clone(), kind.to_owned()));
        let got = s3.head("main/a").header("x-amz-checksum-mode", "ENABLED").send().await.expect(200);
        assert_eq!((got.get("x-amz-checksum-crc32"), got.get("x-amz-checksum-type")), (whole.as_str(), kind));
    }
    let mut upload = Upload::begin(&s3, "main/a", &[("x-amz-checksum-algorithm", "CRC32")]).await;
    let other = upload.put_with(1, &b, &[("x-amz-checksum-sha256", crate::client::sha256(&b))]).await;
    other.expect_error(400, "InvalidRequest");
    let wrong = upload.put_with(1, &b, &[("x-amz-checksum-crc32", crc32(&a))]).await;
    assert_eq!(wrong.status, 400);
    assert!(upload.list(&[]).await.expect(200).all("PartNumber").is_empty());
}

#[tokio::test]
async fn checksums_that_an_upload_declared_are_computed_where_none_is_sent() {
    let s3 = TestGateway::start().await;
    let (a, b, c) = (part(1, 5 * MIB), part(2, 5 * MIB), part(3, 33));
    s3.put("main/source", b.clone()).send().await.expect(200);
    let headers = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let mut upload = Upload::begin(&s3, "main/a", &headers).await;
    let put = upload.put_with(1, &a, &[]).await.expect(200);
    assert_eq!(put.get("x-amz-checksum-crc32"), crc32(&a));
    let copy = s3.on(Method::PUT, "main/a").query(&[("partNumber", "2"), ("uploadId", &upload.id)]);
    let copied = copy.header("x-amz-copy-source", "/trips/main/source").send().await.expect(200);
    assert_eq!((copied.one("ETag"), copied.one("ChecksumCRC32")), (md5_e_tag(&b), crc32(&b)));
    upload.parts.push((2, copied.one("ETag")));
    upload.put_with(3, &c, &[("x-amz-checksum-crc32", crc32(&c))]).await.expect(200);
    assert_eq!(upload.list(&[]).await.expect(200).all("ChecksumCRC32"), [crc32(&a), crc32(&b), crc32(&c)]);
    let whole = crc32(&[a, b, c].concat());
    let done = upload.complete().await.expect(200);
    assert_eq!((done.one("ChecksumCRC32"), done.one("ChecksumType")), (whole.clone(), "FULL_OBJECT".to_owned()));
    let got = s3.head("main/a").header("x-amz-checksum-mode", "ENABLED").send().await.expect(200);
    assert_eq!(got.get("x-amz-checksum-crc32"), whole);
}

#[tokio::test]
async fn completion_can_be_conditional() {
    let s3 = TestGateway::start().await;
    let bytes = part(1, 10);
    let mut first = Upload::begin(&s3, "main/a", &[]).await;
    first.put(1, &bytes).await;
    let mut second = Upload::begin(&s3, "main/a", &[]).await;
    second.put(1, &bytes).await;
    let absent = [("if-none-match", "*")];
    let done = first.complete_with(&first.parts, &absent).await.expect(200);
    let begin = s3.on(Method::POST, "main/a").query(&[("uploads", "")]).header("if-none-match", "*").send().await;
    begin.expect_error(412, "PreconditionFailed");
    second.complete_with(&second.parts, &absent).await.expect_error(412, "PreconditionFailed");
    s3.commit("main").await;
    second.complete_with(&second.parts, &absent).await.expect_error(412, "PreconditionFailed");
    let over = [("if-match", done.one("ETag"))];
    let over: Vec<(&str, &str)> = over.iter().map(|(n, v)| (*n, v.as_str())).collect();
    second.complete_with(&second.parts, &over).await.expect(200);
}
