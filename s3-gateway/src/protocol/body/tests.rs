//! Tests of `body`.

use std::io;

use futures::executor::block_on;
use futures::{TryStreamExt as _, stream};
use http::{HeaderName, HeaderValue};

use super::super::payload::UNSIGNED;
use super::*;

const TEXT: &str = "hello world";
const CRC32: &str = "DUoRhQ==";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
    pairs.iter().map(pair).collect()
}

fn plain() -> Payload {
    Payload::parse(UNSIGNED, None).unwrap()
}

fn trailer() -> Payload {
    Payload::parse("STREAMING-UNSIGNED-PAYLOAD-TRAILER", None).unwrap()
}

/// Reads a body that comes in two pieces.
fn read(pairs: &[(&str, &str)], payload: Payload, body: &str) -> Result<Received, S3Error> {
    let (first, second) = body.split_at(body.len() / 2);
    let pieces = [first.to_owned(), second.to_owned()].map(|piece| Ok::<_, io::Error>(Bytes::from(piece)));
    let (stream, receipt) = open(&headers(pairs), payload, Checksums::OfBody(None), stream::iter(pieces))?;
    assert!(receipt.received().is_none());
    match block_on(
        stream.try_fold(String::new(), |sum, piece| async move { Ok(sum + std::str::from_utf8(&piece).unwrap()) }),
    ) {
        Ok(text) => {
            assert_eq!(text, TEXT);
            Ok(receipt.received().unwrap().clone())
        }
        Err(error) => {
            assert!(receipt.received().is_none());
            Err(BodyError::find(&error).unwrap())
        }
    }
}

fn code(pairs: &[(&str, &str)], payload: Payload, body: &str) -> ErrorCode {
    read(pairs, payload, body).unwrap_err().code()
}

fn chunked(end: &str) -> String {
    format!("5\r\nhello\r\n6\r\n world\r\n0\r\n{end}\r\n")
}

#[test]
fn a_checksum_that_is_wanted_is_computed_if_none_is_sent() {
    let wanted = |pairs: &[(&str, &str)]| {
        let body = stream::iter([Ok::<_, io::Error>(Bytes::from_static(TEXT.as_bytes()))]);
        let checksums = Checksums::OfBody(Some(ChecksumAlgorithm::Crc32));
        let (stream, receipt) = open(&headers(pairs), plain(), checksums, body).unwrap();
        block_on(stream.try_for_each(|_| async { Ok(()) })).map(|()| receipt.received().unwrap().checksum.clone())
    };
    let computed = Checksum { algorithm: ChecksumAlgorithm::Crc32, value: CRC32.into() };
    assert_eq!(wanted(&[]).unwrap(), Some(computed.clone()));
    assert_eq!(wanted(&[("x-amz-checksum-crc32", CRC32)]).unwrap(), Some(computed));
    assert!(wanted(&[("x-amz-checksum-crc32", "AAAAAA==")]).is_err());
    let sha1 = checksum::of_bytes(ChecksumAlgorithm::Sha1, TEXT.as_bytes());
    assert_eq!(wanted(&[("x-amz-checksum-sha1", &sha1.value)]).unwrap(), Some(sha1));
}

#[test]
fn plain_bodies_are_counted() {
    assert_eq!(read(&[], plain(), TEXT).unwrap(), Received { size: 11, checksum: None });
    assert!(read(&[("content-length", "11")], plain(), TEXT).is_ok());
    for length in ["10", "12"] {
        assert_eq!(code(&[("content-length", length)], plain(), TEXT), ErrorCode::IncompleteBody);
    }
    for length in ["-1", "+11", "x", ""] {
        assert_eq!(code(&[("content-length", length)], plain(), TEXT), ErrorCode::InvalidArgument, "{length}");
    }
}

#[test]
fn every_algorithm_in_a_header_and_in_a_trailer() {
    for algorithm in ChecksumAlgorithm::ALL {
        let right = checksum::of_bytes(algorithm, TEXT.as_bytes());
        let wrong = checksum::of_bytes(algorithm, b"another").value;
        let name = algorithm.header();
        let received = read(&[(name, &right.value)], plain(), TEXT).unwrap();
        assert_eq!(received.checksum.as_ref(), Some(&right));
        assert_eq!(code(&[(name, &wrong)], plain(), TEXT), ErrorCode::BadDigest);
        let received = read(&[("x-amz-trailer", name)], trailer(), &chunked(&format!("{name}:{}\r\n", right.value)));
        assert_eq!(received.unwrap().checksum, Some(right));
        let body = chunked(&format!("{name}:{wrong}\r\n"));
        assert_eq!(code(&[("x-amz-trailer", name)], trailer(), &body), ErrorCode::BadDigest);
    }
}

#[test]
fn trailers_are_those_that_were_declared() {
    let declared = [("x-amz-trailer", "x-amz-checksum-crc32")];
    let field = format!("x-amz-checksum-crc32:{CRC32}\r\n");
    assert!(read(&declared, trailer(), &chunked(&field)).is_ok());
    assert!(read(&[], trailer(), &chunked("")).is_ok());
    for (pairs, end) in [
        (&declared[..], ""),
        (&declared, "x-amz-checksum-crc32c:AAAAAA==\r\n"),
        (&declared, &format!("{field}{field}")),
        (&declared, &format!("{field}x-amz-meta-a:b\r\n")),
        (&[], &field),
    ] {
        assert_eq!(code(pairs, trailer(), &chunked(end)), ErrorCode::MalformedTrailerError, "{end}");
    }
    // Declared, but the body has no room for one.
    assert_eq!(code(&declared, plain(), TEXT), ErrorCode::MalformedTrailerError);
    assert_eq!(code(&declared, trailer(), &chunked("x-amz-checksum-crc32:x\r\n")), ErrorCode::InvalidRequest);
    assert_eq!(code(&[("x-amz-trailer", "x-amz-meta-a")], trailer(), &chunked("")), ErrorCode::InvalidRequest);
}

#[test]
fn decoded_lengths_are_exact_and_optional() {
    assert!(read(&[("x-amz-decoded-content-length", "11"), ("content-length", "99")], trailer(), &chunked("")).is_ok());
    for length in ["10", "12", "0"] {
        let pairs = [("x-amz-decoded-content-length", length)];
        assert_eq!(code(&pairs, trailer(), &chunked("")), ErrorCode::IncompleteBody);
    }
}

#[test]
fn content_md5() {
    let md5 = |text: &str| BASE64.encode(Md5::digest(text));
    assert!(read(&[("content-md5", &md5(TEXT))], plain(), TEXT).is_ok());
    assert_eq!(code(&[("content-md5", &md5("another"))], plain(), TEXT), ErrorCode::BadDigest);
    assert_eq!(code(&[("content-md5", &md5("another"))], trailer(), &chunked("")), ErrorCode::BadDigest);
    for wrong in ["", "x", "AAAA", CRC32] {
        assert_eq!(code(&[("content-md5", wrong)], plain(), TEXT), ErrorCode::InvalidDigest, "{wrong}");
    }
}

#[test]
fn signed_digests() {
    let payload = |text: &str| Payload::parse(&hex::encode(Sha256::digest(text)), None).unwrap();
    assert!(read(&[], payload(TEXT), TEXT).is_ok());
    assert_eq!(code(&[], payload("another"), TEXT), ErrorCode::XAmzContentSHA256Mismatch);
}

#[test]
fn checksums_that_contradict_each_other() {
    let crc32 = ("x-amz-checksum-crc32", CRC32);
    let named = |name| ("x-amz-sdk-checksum-algorithm", name);
    assert!(read(&[crc32, named("CRC32")], plain(), TEXT).is_ok());
    for pairs in [
        &[crc32, ("x-amz-checksum-crc32c", "AAAAAA==")][..],
        &[crc32, ("x-amz-trailer", "x-amz-checksum-crc32")],
        &[crc32, named("SHA256")],
        &[crc32, named("MD4")],
        &[named("CRC32")],
    ] {
        assert_eq!(code(pairs, plain(), TEXT), ErrorCode::InvalidRequest, "{pairs:?}");
    }
}

#[test]
fn checksums_of_an_object_are_not_of_the_body() {
    let (stream, receipt) = open(
        &headers(&[("x-amz-checksum-crc32", "AAAAAA==")]),
        plain(),
        Checksums::OfObject,
        stream::iter([Ok::<_, io::Error>(Bytes::from(TEXT))]),
    )
    .unwrap();
    block_on(stream.try_for_each(|_| async { Ok(()) })).unwrap();
    assert_eq!(receipt.received().unwrap().checksum, None);
}

#[test]
fn a_broken_connection_is_told_apart_and_ends_the_stream() {
    let pieces = [Ok(Bytes::from("hello")), Err(io::Error::other("reset")), Ok(Bytes::from(" world"))];
    let (mut stream, receipt) =
        open(&HeaderMap::new(), plain(), Checksums::OfBody(None), stream::iter(pieces)).unwrap();
    assert_eq!(block_on(stream.next()).unwrap().unwrap(), "hello");
    let error = block_on(stream.next()).unwrap().unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(BodyError::Broken(_))));
    assert_eq!(BodyError::find(&error).unwrap().code(), ErrorCode::IncompleteBody);
    assert!(block_on(stream.next()).is_none() && receipt.received().is_none());
}

#[test]
fn nothing_follows_a_refusal() {
    let body = [Ok::<_, io::Error>(Bytes::from("5\r\nhello\r\nx")), Ok(Bytes::from("\r\n0\r\n\r\n"))];
    let (mut stream, _) = open(&HeaderMap::new(), trailer(), Checksums::OfBody(None), stream::iter(body)).unwrap();
    assert_eq!(block_on(stream.next()).unwrap().unwrap(), "hello");
    assert!(block_on(stream.next()).unwrap().is_err());
    assert!(block_on(stream.next()).is_none());
}

#[test]
fn a_body_without_a_length_is_bounded_as_it_comes() {
    let piece = Bytes::from(vec![7; 1 << 20]);
    let endless = stream::repeat_with(move || Ok::<_, io::Error>(piece.clone()));
    let (body, _) = open(&headers(&[]), plain(), Checksums::OfBody(None), endless).unwrap();
    let taken = |body: BodyStream| block_on(body.try_fold(0, |sum, piece| async move { Ok(sum + piece.len() as u64) }));
    let error = taken(within(body, 0..=UPLOAD_BYTES_MAX)).unwrap_err();
    assert_eq!(BodyError::find(&error).unwrap().code(), ErrorCode::EntityTooLarge);
    let of = |length: usize, bounds| {
        let pieces = stream::iter([Ok::<_, io::Error>(Bytes::from(vec![7; length]))]);
        let (body, _) = open(&headers(&[]), plain(), Checksums::OfBody(None), pieces).unwrap();
        taken(within(body, bounds)).map_err(|error| BodyError::find(&error).unwrap().code())
    };
    assert_eq!((of(10, 10..=20), of(20, 10..=20)), (Ok(10), Ok(20)));
    assert_eq!((of(9, 10..=20), of(21, 10..=20)), (Err(ErrorCode::EntityTooSmall), Err(ErrorCode::EntityTooLarge)));
}
