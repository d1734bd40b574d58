//! Tests of `chunked`.

use proptest::prelude::*;
use secrecy::SecretString;

use super::super::signing_key::SigningKey;
use super::*;

const TIMESTAMP: &str = "20261120T093000Z";
const SCOPE: &str = "20261120/us-east-1/s3/aws4_request";
const SEED: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const FIELD: &str = "x-amz-checksum-crc32:AAAAAA==";

/// How a body is framed.
#[derive(Debug, Clone, Copy)]
struct Form {
    signed: bool,
    trailer: bool,
}

const FORMS: [Form; 3] = [
    Form { signed: true, trailer: false },
    Form { signed: true, trailer: true },
    Form { signed: false, trailer: true },
];

fn key() -> SigningKey {
    SigningKey::derive(
        &SecretString::from("secret"),
        "20261120",
        "us-east-1",
        crate::protocol::signature_v4::Service::S3,
    )
}

fn decoder(form: Form) -> Decoder {
    let signer = form.signed.then(|| ChunkSigner::new(key(), TIMESTAMP, SCOPE, SEED));
    Decoder::new(signer, form.trailer)
}

/// Frames and signs, as the documentation says it, independently of the decoder.
fn encode(chunks: &[Vec<u8>], form: Form) -> Vec<u8> {
    let (mut out, mut previous) = (Vec::new(), SEED.to_owned());
    let empty = Vec::new();
    for chunk in chunks.iter().chain([&empty]) {
        let digests = format!("{EMPTY}\n{}", hex::encode(Sha256::digest(chunk)));
        let to_sign = format!("AWS4-HMAC-SHA256-PAYLOAD\n{TIMESTAMP}\n{SCOPE}\n{previous}\n{digests}");
        previous = key().sign(&to_sign);
        let extension = if form.signed { format!(";chunk-signature={previous}") } else { String::new() };
        out.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        if !chunk.is_empty() {
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
    }
    if form.trailer {
        out.extend_from_slice(format!("{FIELD}\r\n").as_bytes());
    }
    if form.trailer && form.signed {
        let hash = hex::encode(Sha256::digest(format!("{FIELD}\n")));
        let to_sign = format!("AWS4-HMAC-SHA256-TRAILER\n{TIMESTAMP}\n{SCOPE}\n{previous}\n{hash}");
        out.extend_from_slice(format!("x-amz-trailer-signature:{}\r\n", key().sign(&to_sign)).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A body's data and its trailer.
type Decoded = (Vec<u8>, Vec<(String, String)>);

/// Decodes pieces; the data and the trailer, if all is well.
fn decode(pieces: impl Iterator<Item = Bytes>, form: Form) -> Result<Decoded, S3Error> {
    let mut decoder = decoder(form);
    let mut data = Vec::new();
    for mut piece in pieces {
        while let Some(decoded) = decoder.decode(&mut piece)? {
            assert!(!decoded.is_empty());
            data.extend_from_slice(&decoded);
            assert!(decoder.buffered() <= 2 * LINE_BYTES_MAX);
        }
        assert!(piece.is_empty());
    }
    Ok((data, decoder.finish()?))
}

fn whole(body: &[u8], form: Form) -> Result<Decoded, S3Error> {
    decode([Bytes::copy_from_slice(body)].into_iter(), form)
}

fn fields(form: Form) -> Vec<(String, String)> {
    match form.trailer {
        true => vec![("x-amz-checksum-crc32".into(), "AAAAAA==".into())],
        false => vec![],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_chunks_in_any_pieces(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..6),
        cuts in prop::collection::vec(1usize..120, 1..40),
        form in prop::sample::select(FORMS.to_vec()),
    ) {
        let body = encode(&chunks, form);
        let mut rest = Bytes::from(body);
        let mut sizes = cuts.iter().cycle();
        let pieces = std::iter::from_fn(|| {
            let size = rest.len().min(*sizes.next().unwrap());
            (size > 0).then(|| rest.split_to(size))
        });
        prop_assert_eq!(decode(pieces, form).unwrap(), (chunks.concat(), fields(form)));
    }

    #[test]
    fn noise_never_panics(body in prop::collection::vec(any::<u8>(), 0..200), form in prop::sample::select(FORMS.to_vec())) {
        // An unsigned body of noise that decodes would have to be well-formed, which takes more luck than there is.
        prop_assert!(whole(&body, form).is_err());
    }
}

#[test]
fn every_truncation_is_an_error() {
    for form in FORMS {
        let body = encode(&[b"hello".to_vec(), b"world!".to_vec()], form);
        assert!(whole(&body, form).is_ok());
        for end in 0..body.len() {
            assert!(whole(&body[..end], form).is_err(), "{form:?} {end}");
        }
    }
}

/// A changed bit is an error, or changed nothing: the case of a hex digit of a size or of a field's name.
#[test]
fn every_bit_flip_of_a_signed_body_is_an_error_or_means_the_same() {
    for form in FORMS.into_iter().filter(|form| form.signed) {
        let chunks = [vec![b'x'; 10], vec![b'y'; 11]];
        let body = encode(&chunks, form);
        let mut same = 0;
        for bit in 0..body.len() * 8 {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(decoded) = whole(&flipped, form) {
                assert_eq!(decoded, (chunks.concat(), fields(form)), "{form:?} {bit}");
                same += 1;
            }
        }
        assert!(same <= 50, "{same}");
    }
}

#[test]
fn what_is_added_or_swapped_is_an_error() {
    for form in FORMS {
        let body = encode(&[b"hello".to_vec()], form);
        for more in ["x", "0\r\n\r\n", "5\r\nhello\r\n"] {
            let longer = [&body, more.as_bytes()].concat();
            assert!(whole(&longer, form).is_err(), "{form:?} {more}");
        }
    }
    // Signed chunks can't change places.
    let form = FORMS[0];
    let body = String::from_utf8(encode(&[b"hello".to_vec(), b"world".to_vec()], form)).unwrap();
    let lines: Vec<_> = body.split_inclusive("\r\n").collect();
    let swapped = [lines[2], lines[3], lines[0], lines[1], lines[4], lines[5]].concat();
    assert_eq!(whole(swapped.as_bytes(), form).unwrap_err().code(), ErrorCode::SignatureDoesNotMatch);
}

#[test]
fn framing_that_cannot_be_read() {
    let unsigned = FORMS[2];
    for body in [
        "x\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "\r\n",
        "5\nhello\r\n",
        "5\r\nhelloworld\r\n",
        "11111111111111111\r\n",
        "5;chunk-signature=00\r\nhello\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n:value\r\n\r\n",
    ] {
        let code = whole(body.as_bytes(), unsigned).unwrap_err().code();
        assert!(matches!(code, ErrorCode::InvalidRequest | ErrorCode::MalformedTrailerError), "{body:?} {code:?}");
    }
    // A signed body without signatures, or with a trailer that wasn't announced.
    assert_eq!(whole(b"5\r\nhello\r\n", FORMS[0]).unwrap_err().code(), ErrorCode::InvalidRequest);
    let mut body = encode(&[], FORMS[0]);
    body.truncate(body.len() - 2);
    body.extend_from_slice(b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    assert_eq!(whole(&body, FORMS[0]).unwrap_err().code(), ErrorCode::MalformedTrailerError);
    let many = format!("0\r\n{}\r\n", "a:b\r\n".repeat(TRAILER_FIELDS_MAX + 1));
    assert_eq!(whole(many.as_bytes(), unsigned).unwrap_err().code(), ErrorCode::MalformedTrailerError);
}

#[test]
fn a_line_is_bounded_however_it_arrives() {
    let byte = Bytes::from_static(b"0");
    let mut decoder = decoder(FORMS[2]);
    let refused = (0..=LINE_BYTES_MAX).find_map(|_| decoder.decode(&mut byte.clone()).err());
    assert_eq!(refused.unwrap().code(), ErrorCode::InvalidRequest);
    assert!(decoder.buffered() <= 2 * LINE_BYTES_MAX);
}

#[test]
fn a_chunk_of_a_gibibyte_passes_in_pieces() {
    let mut decoder = decoder(FORMS[2]);
    assert_eq!(decoder.decode(&mut Bytes::from_static(b"40000000\r\n")).unwrap(), None);
    let piece = Bytes::from(vec![7; 1 << 20]);
    for _ in 0..1024 {
        let decoded = decoder.decode(&mut piece.clone()).unwrap().unwrap();
        // The very bytes that came in, not a copy.
        assert_eq!((decoded.as_ptr(), decoded.len()), (piece.as_ptr(), piece.len()));
        assert!(decoder.buffered() <= 2 * LINE_BYTES_MAX);
    }
    assert_eq!(decoder.decode(&mut Bytes::from_static(b"\r\n0\r\n\r\n")).unwrap(), None);
    assert_eq!(decoder.finish().unwrap(), []);
}
