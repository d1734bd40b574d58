//! Conditions and ranges of reads, conditions of writes.

use http::Method;

use crate::harness::TestGateway;

const PAST: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const FUTURE: &str = "Wed, 06 Nov 2097 08:49:37 GMT";

#[tokio::test]
async fn reads_follow_the_table() {
    let s3 = TestGateway::start().await;
    let e_tag = s3.put("main/a", "bytes").send().await.expect(200).e_tag().to_owned();
    let e_tag = e_tag.as_str();
    let other = "\"0123\"";
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[("if-match", e_tag)], 200),
        (&[("if-match", e_tag.trim_matches('"'))], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", other)], 412),
        (&[("if-match", ""), ("if-none-match", "")], 200),
        (&[("if-none-match", e_tag)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", other)], 200),
        (&[("if-modified-since", PAST)], 200),
        (&[("if-modified-since", FUTURE)], 304),
        (&[("if-unmodified-since", PAST)], 412),
        (&[("if-unmodified-since", FUTURE)], 200),
        (&[("if-match", e_tag), ("if-unmodified-since", PAST)], 200),
        (&[("if-none-match", e_tag), ("if-modified-since", PAST)], 304),
        (&[("if-none-match", other), ("if-modified-since", FUTURE)], 200),
    ];
    for (headers, status) in table {
        for method in [Method::GET, Method::HEAD] {
            let mut request = s3.on(method.clone(), "main/a");
            for (name, value) in *headers {
                request = request.header(name, *value);
            }
            let answer = request.send().await;
            assert_eq!(answer.status.as_u16(), *status, "{method} {headers:?}: {answer:?}");
            if *status == 304 {
                assert_eq!(answer.e_tag(), e_tag);
                assert!(answer.bytes().is_empty());
            }
        }
    }
}

#[tokio::test]
async fn ranges_follow_the_table() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "0123456789").send().await.expect(200);
    for (range, status, body, content_range) in [
        ("bytes=0-0", 206, "0", "bytes 0-0/10"),
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=8-", 206, "89", "bytes 8-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=-99", 206, "0123456789", "bytes 0-9/10"),
        ("bytes=0-", 206, "0123456789", "bytes 0-9/10"),
        ("lines=0-1", 200, "0123456789", ""),
        ("bytes=4-2", 200, "0123456789", ""),
    ] {
        let got = s3.get("main/a").header("range", range).send().await.expect(status);
        assert_eq!((got.text(), got.get("content-range")), (body, content_range), "{range}");
        let head = s3.head("main/a").header("range", range).send().await.expect(status);
        assert_eq!(head.get("content-length"), body.len().to_string(), "{range}");
    }
    for range in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
        let refused = s3.get("main/a").header("range", range).send().await.expect_error(416, "InvalidRange");
        assert_eq!(refused.get("content-range"), "bytes */10", "{range}");
    }
}

#[tokio::test]
async fn a_range_of_a_large_object_is_streamed() {
    let s3 = TestGateway::start().await;
    let bytes: Vec<u8> = (0..1_000_000u32).flat_map(|i| i.to_le_bytes()).collect();
    let put = s3.put("main/large", bytes.clone()).send().await.expect(200);
    assert_eq!(s3.get("main/large").send().await.expect(200).bytes(), &bytes);
    let got = s3.get("main/large").header("range", "bytes=100001-3000000").header("if-match", put.e_tag());
    let got = got.send().await.expect(206);
    assert_eq!(got.bytes(), &bytes[100_001..=3_000_000]);
}

#[tokio::test]
async fn conditional_puts_are_judged_staged_and_committed() {
    let s3 = TestGateway::start().await;
    let absent = |body: &'static str| s3.put("main/a", body).header("if-none-match", "*").send();
    absent("one").await.expect(200);
    absent("two").await.expect_error(412, "PreconditionFailed");
    s3.commit("main").await;
    absent("two").await.expect_error(412, "PreconditionFailed");
    let e_tag = s3.head("main/a").send().await.expect(200).e_tag().to_owned();
    let over = |e_tag: &str, body: &'static str| s3.put("main/a", body).header("if-match", e_tag).send();
    over("\"0123\"", "two").await.expect_error(412, "PreconditionFailed");
    over(&e_tag, "two").await.expect(200);
    over(&e_tag, "three").await.expect_error(412, "PreconditionFailed");
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "two");
    s3.delete("main/a").send().await.expect(204);
    over(&e_tag, "three").await.expect_error(404, "NoSuchKey");
    absent("four").await.expect(200);
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "four");
}

#[tokio::test]
async fn conditions_that_s3_lacks_are_refused() {
    let s3 = TestGateway::start().await;
    let refused = s3.put("main/a", "x").header("if-none-match", "\"0123\"").send().await;
    refused.expect_error(501, "NotImplemented");
    assert!(s3.keys_on("main").await.is_empty());
}

#[tokio::test]
async fn an_empty_condition_of_a_write_is_none() {
    let s3 = TestGateway::start().await;
    for header in ["if-match", "if-none-match"] {
        s3.put("main/a", "bytes").header(header, "").send().await.expect(200);
    }
    let copy = s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a");
    let copy = copy.header("x-amz-copy-source-if-match", "").header("x-amz-copy-source-if-none-match", "");
    copy.send().await.expect(200);
    let both = s3.put("main/a", "bytes").header("if-match", "").header("if-none-match", "*");
    both.send().await.expect_error(412, "PreconditionFailed");
    s3.delete("main/a").header("if-match", "").send().await.expect(204);
}
