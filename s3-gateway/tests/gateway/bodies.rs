//! The five ways in which a body travels, intact and broken.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;

use crate::client::{Mode, Req, crc32, md5_e_tag, send, sha256};
use crate::harness::TestGateway;

fn bytes(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>().into()
}

/// A PUT in a mode, with the trailer that it needs.
fn put(s3: &TestGateway, key: &str, body: &Bytes, mode: Mode) -> Req {
    let put = s3.put(key, body.clone()).mode(mode);
    match mode {
        Mode::ChunksSignedWithTrailer | Mode::ChunksUnsignedWithTrailer => {
            put.trailer("x-amz-checksum-crc32", crc32(body))
        }
        _ => put,
    }
}

#[tokio::test]
async fn every_mode_carries_bodies_of_every_size() {
    let s3 = TestGateway::start().await;
    for mode in Mode::ALL {
        for len in [0, 1, 65_536, 65_537, 300_000] {
            let body = bytes(len);
            let done = put(&s3, "main/a", &body, mode).send().await.expect(200);
            assert_eq!(done.e_tag(), md5_e_tag(&body), "{mode:?} {len}");
            assert_eq!(s3.get("main/a").send().await.expect(200).bytes(), &body, "{mode:?} {len}");
        }
    }
}

#[tokio::test]
async fn no_mode_needs_a_content_length() {
    let s3 = TestGateway::start().await;
    let body = bytes(200_000);
    for mode in Mode::ALL {
        let mut request = put(&s3, "main/a", &body, mode);
        request.no_length = true;
        let done = request.send().await.expect(200);
        assert_eq!(done.e_tag(), md5_e_tag(&body), "{mode:?}");
    }
}

#[tokio::test]
async fn trailers_are_verified_kept_and_returned() {
    let s3 = TestGateway::start().await;
    let body = bytes(100_000);
    for mode in [Mode::ChunksSignedWithTrailer, Mode::ChunksUnsignedWithTrailer] {
        let done = put(&s3, "main/a", &body, mode).send().await.expect(200);
        assert_eq!(done.get("x-amz-checksum-crc32"), crc32(&body), "{mode:?}");
        let got = s3.get("main/a").header("x-amz-checksum-mode", "ENABLED").send().await.expect(200);
        assert_eq!(got.get("x-amz-checksum-crc32"), crc32(&body), "{mode:?}");
        let wrong = s3.put("main/b", body.clone()).mode(mode).trailer("x-amz-checksum-sha256", sha256(b"other"));
        wrong.send().await.expect(400);
        let missing = s3.put("main/b", body.clone()).mode(mode).header("x-amz-trailer", "x-amz-checksum-crc32");
        assert_eq!(missing.send().await.status, 400);
        s3.get("main/b").send().await.expect(404);
    }
}

#[tokio::test]
async fn changed_bytes_are_refused_where_they_are_signed() {
    let s3 = TestGateway::start().await;
    for mode in Mode::ALL {
        let mut request = put(&s3, "main/a", &bytes(100_000), mode);
        request.tamper = true;
        let answer = request.send().await;
        match mode {
            Mode::Unsigned => {
                answer.expect(200);
                s3.delete("main/a").send().await.expect(204);
            }
            _ => assert!((400..500).contains(&answer.status.as_u16()), "{mode:?}: {answer:?}"),
        }
        s3.get("main/a").send().await.expect(404);
    }
}

#[tokio::test]
async fn a_body_that_ends_early_stores_nothing() {
    let s3 = TestGateway::start().await;
    for mode in [Mode::ChunksSigned, Mode::ChunksUnsignedWithTrailer] {
        let request = put(&s3, "main/a", &bytes(200_000), mode);
        let (headers, framed) = request.signed();
        let half = framed.slice(..framed.len() / 2);
        let pieces = stream::iter([half]).boxed();
        let answer = send(s3.addr, Method::PUT, &request.target, &headers, Bytes::new(), Some(pieces)).await;
        assert_eq!(answer.status, 400, "{mode:?}: {answer:?}");
        s3.get("main/a").send().await.expect(404);
    }
    let request = s3.put("main/a", "0123456789").mode(Mode::Unsigned);
    let (mut headers, _) = request.signed();
    headers.push(("content-length".into(), "10".into()));
    let half = format!("PUT /trips/main/a HTTP/1.1\r\n{}\r\n01234", lines(&headers));
    let mut stream = tokio::net::TcpStream::connect(s3.addr).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, half.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    s3.get("main/a").send().await.expect(404);
}

pub(crate) fn lines(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

#[tokio::test]
async fn a_client_that_falls_silent_is_told_so() {
    let options = s3_gateway::GatewayOptions { body_silence_max: Duration::from_millis(200), ..Default::default() };
    let s3 = TestGateway::start_with(options).await;
    let request = s3.put("main/a", bytes(100_000)).mode(Mode::ChunksSigned);
    let (headers, framed) = request.signed();
    let begun = stream::iter([framed.slice(..1000)]).chain(stream::pending()).boxed();
    let answer = send(s3.addr, Method::PUT, &request.target, &headers, Bytes::new(), Some(begun)).await;
    answer.expect_error(400, "RequestTimeout");
    s3.get("main/a").send().await.expect(404);
}

#[tokio::test]
async fn more_than_one_put_may_hold_is_refused_unread() {
    let s3 = TestGateway::start().await;
    let request = s3.put("main/a", "").mode(Mode::Unsigned);
    let (mut headers, _) = request.signed();
    headers.push(("content-length".into(), (6u64 << 30).to_string()));
    headers.push(("expect".into(), "100-continue".into()));
    let head = format!("PUT /trips/main/a HTTP/1.1\r\n{}\r\n", lines(&headers));
    let mut stream = tokio::net::TcpStream::connect(s3.addr).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}
