//! GET and HEAD of one part of an object.

use std::ops::Range;

use crate::client::md5_e_tag;
use crate::harness::TestGateway;
use crate::upload::{MIB, Upload, part};

#[tokio::test]
async fn each_part_can_be_read_by_its_number() {
    let s3 = TestGateway::start().await;
    let bytes = [part(1, 5 * MIB), part(2, 5 * MIB), part(3, 6 * MIB), part(4, 77)];
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    // Parts are counted in the object, whatever their numbers were.
    for (number, bytes) in [2, 3, 900, 10_000].into_iter().zip(&bytes) {
        upload.put(number, bytes).await;
    }
    let e_tag = upload.complete().await.expect(200).one("ETag");
    let whole = bytes.concat();
    for place in ["staged", "committed", "copied"] {
        let key = match place {
            "staged" => "main/a",
            "committed" => {
                s3.commit("main").await;
                "main@/a"
            }
            _ => {
                let copy = s3.on(http::Method::PUT, "main/copy").header("x-amz-copy-source", "/trips/main/a");
                copy.send().await.expect(200);
                "main/copy"
            }
        };
        let mut start = 0;
        for (number, bytes) in (1..).zip(&bytes) {
            let number: String = i32::to_string(&number);
            let range: Range<usize> = start..start + bytes.len();
            start = range.end;
            let got = s3.get(key).query(&[("partNumber", &number)]).send().await.expect(206);
            let head = s3.head(key).query(&[("partNumber", &number)]).send().await.expect(206);
            assert_eq!(got.bytes(), &whole[range.clone()], "{place} {number}");
            let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, whole.len());
            for answer in [&got, &head] {
                assert_eq!(answer.get("content-range"), content_range, "{place} {number}");
                assert_eq!(answer.get("content-length"), bytes.len().to_string());
                assert_eq!((answer.get("x-amz-mp-parts-count"), answer.e_tag()), ("4", &*e_tag));
            }
        }
        let beyond = s3.get(key).query(&[("partNumber", "5")]).send().await;
        beyond.expect_error(416, "InvalidPartNumber");
        assert_eq!(s3.head(key).send().await.expect(200).get("x-amz-mp-parts-count"), "");
    }
}

#[tokio::test]
async fn a_part_and_a_range_are_not_asked_for_together() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    let both = |key: &str| s3.get(key).query(&[("partNumber", "1")]).header("range", "bytes=0-1");
    both("main/a").send().await.expect_error(400, "InvalidRequest");
    both("main/never").send().await.expect_error(400, "InvalidRequest");
    s3.head("main/a").query(&[("partNumber", "1")]).header("range", "bytes=0-1").send().await.expect(400);
    for number in ["0", "10001", "x", ""] {
        let got = s3.get("main/a").query(&[("partNumber", number)]).send().await;
        got.expect_error(400, "InvalidArgument");
    }
    let stale = s3.get("main/a").query(&[("partNumber", "1")]).header("if-match", "\"0123\"").send().await;
    stale.expect_error(412, "PreconditionFailed");
}

#[tokio::test]
async fn what_was_uploaded_whole_is_its_own_first_part() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "0123").send().await.expect(200);
    s3.put("main/empty", "").send().await.expect(200);
    let got = s3.get("main/a").query(&[("partNumber", "1")]).send().await.expect(206);
    assert_eq!((got.text(), got.get("content-range")), ("0123", "bytes 0-3/4"));
    assert_eq!((got.get("x-amz-mp-parts-count"), got.e_tag()), ("", &*md5_e_tag(b"0123")));
    s3.get("main/a").query(&[("partNumber", "2")]).send().await.expect_error(416, "InvalidPartNumber");
    // No range can say that it is empty.
    let got = s3.get("main/empty").query(&[("partNumber", "1")]).send().await.expect(200);
    assert_eq!((got.text(), got.get("content-range")), ("", ""));
}

#[tokio::test]
async fn an_empty_part_is_read_as_one() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    upload.put(1, &part(1, 5 * MIB)).await;
    upload.put(2, &part(2, 0)).await;
    upload.complete().await.expect(200);
    let got = s3.get("main/a").query(&[("partNumber", "2")]).send().await.expect(200);
    assert_eq!((got.text(), got.get("content-length"), got.get("x-amz-mp-parts-count")), ("", "0", "2"));
}
