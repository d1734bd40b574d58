//! Tests of `chunked`.

use proptest::prelude::*;

use super::super::fuzzing::{FORMS, Form, Unframed, chunk_signer, fields, frame, unframe};
use super::*;

fn decoder(form: Form) -> Decoder {
    Decoder::new(form.signed.then(chunk_signer), form.trailer)
}

fn encode(chunks: &[Vec<u8>], form: Form) -> Vec<u8> {
    frame(chunks, form, &fields(form))
}

fn whole(body: &[u8], form: Form) -> Result<Unframed, S3Error> {
    unframe([Bytes::copy_from_slice(body)], form)
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
        prop_assert_eq!(unframe(pieces, form).unwrap(), (chunks.concat(), fields(form)));
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
    assert!(decoder.buffered() <= BUFFERED_BYTES_MAX);
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
        assert!(decoder.buffered() <= BUFFERED_BYTES_MAX);
    }
    assert_eq!(decoder.decode(&mut Bytes::from_static(b"\r\n0\r\n\r\n")).unwrap(), None);
    assert_eq!(decoder.finish().unwrap(), []);
}
