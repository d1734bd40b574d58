//! Multipart uploads, from begin to end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::Method;
use md5::{Digest as _, Md5};

use crate::client::{Res, crc32, encoded, md5_e_tag};
use crate::harness::TestGateway;

const MIB: usize = 1 << 20;

struct Upload<'a> {
    s3: &'a TestGateway,
    key: String,
    id: String,
    parts: Vec<(u32, String)>,
}

impl<'a> Upload<'a> {
    async fn begin(s3: &'a TestGateway, key: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = s3.on(Method::POST, key).query(&[("uploads", "")]);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let begun = request.send().await.expect(200);
        assert_eq!((begun.one("Bucket").as_str(), begun.one("Key").as_str()), ("trips", key));
        Self { s3, key: key.into(), id: begun.one("UploadId"), parts: vec![] }
    }

    async fn put(&mut self, number: u32, bytes: &Bytes) {
        let done = self.put_with(number, bytes, &[]).await.expect(200);
        assert_eq!(done.e_tag(), md5_e_tag(bytes));
    }

    async fn put_with(&mut self, number: u32, bytes: &Bytes, headers: &[(&str, String)]) -> Res {
        let (id, n) = (self.id.as_str(), number.to_string());
        let mut request = self.s3.put(&self.key, bytes.clone()).query(&[("partNumber", &n), ("uploadId", id)]);
        for (name, value) in headers {
            request = request.header(name, value.clone());
        }
        let done = request.send().await;
        self.parts.retain(|(known, _)| *known != number);
        self.parts.push((number, done.e_tag().to_owned()));
        self.parts.sort();
        done
    }

    async fn complete(&self) -> Res {
        self.complete_with(&self.parts, &[]).await
    }

    async fn complete_with(&self, parts: &[(u32, String)], headers: &[(&str, &str)]) -> Res {
        let part =
            |(n, e_tag): &(u32, String)| format!("<Part><PartNumber>{n}</PartNumber><ETag>{e_tag}</ETag></Part>");
        let parts: String = parts.iter().map(part).collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let mut request = self.s3.on(Method::POST, &self.key).query(&[("uploadId", &self.id)]).body(body);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await
    }

    async fn abort(&self) -> Res {
        self.s3.delete(&self.key).query(&[("uploadId", &self.id)]).send().await
    }

    async fn list(&self, pairs: &[(&str, &str)]) -> Res {
        self.s3.get(&self.key).query(&[("uploadId", &self.id)]).query(pairs).send().await
    }
}

fn part(seed: u8, len: usize) -> Bytes {
    (0..len).map(|i| seed.wrapping_add((i % 253) as u8)).collect::<Vec<_>>().into()
}

fn whole_e_tag(parts: &[&Bytes]) -> String {
    let md5s: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
    format!("\"{}-{}\"", hex::encode(Md5::digest(md5s)), parts.len())
}

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
async fn a_completion_whose_answer_was_lost_can_be_sent_again() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    upload.put(1, &part(1, 10)).await;
    let first = upload.complete().await.expect(200);
    assert_eq!(upload.complete().await.expect(200).one("ETag"), first.one("ETag"));
    let absent = [("if-none-match", "*")];
    upload.complete_with(&upload.parts, &absent).await.expect_error(404, "NoSuchUpload");
    s3.put("main/a", "another").send().await.expect(200);
    upload.complete().await.expect_error(404, "NoSuchUpload");
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "another");
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
        let wrong = [("x-amz-checksum-crc32", "AAAAAA==")];
        upload.complete_with(&upload.parts, &wrong).await.expect_error(400, "BadDigest");
        let done = upload.complete().await.expect(200);
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
