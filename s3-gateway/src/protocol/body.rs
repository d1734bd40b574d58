//! A request's body as the client meant it: unframed, counted, and verified against every digest that came with it.
//! Leaves where the bytes go to others. Invariant: bytes are handed on as they arrive, so a consumer commits only
//! when the stream has ended without an error; [`Receipt::received`] is empty until then.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, header};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::checksum::{self, Checksum, ChecksumAlgorithm, Hasher};
use super::chunked::Decoder;
use super::error::{ErrorCode, S3Error};
use super::headers::single;
use super::payload::Payload;

/// The most bytes of one PUT, part or form's file, as in S3.
pub const UPLOAD_BYTES_MAX: u64 = 5 << 30;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A verified body; its errors are boxed [`BodyError`]s.
pub type BodyStream = BoxStream<'static, Result<Bytes, BoxError>>;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client sent something wrong; the S3 error says what.
    #[error(transparent)]
    Refused(#[from] S3Error),
    /// The connection broke.
    #[error("the connection broke while the body was read")]
    Broken(#[source] BoxError),
}

impl BodyError {
    /// What the client is told.
    pub fn to_s3(&self) -> S3Error {
        match self {
            Self::Refused(error) => error.clone(),
            Self::Broken(_) => ErrorCode::IncompleteBody.into(),
        }
    }

    /// What the client is told of a boxed error, when it came from a [`BodyStream`].
    pub fn find(error: &BoxError) -> Option<S3Error> {
        error.downcast_ref::<Self>().map(Self::to_s3)
    }
}

/// What was verified of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The body's bytes.
    pub size: u64,
    /// The checksum that the client sent, in a header or trailer; or else the one that was asked for here.
    pub checksum: Option<Checksum>,
}

/// Tells what was verified, once a body's stream has ended without an error.
#[derive(Debug, Clone, Default)]
pub struct Receipt(Arc<OnceLock<Received>>);

impl Receipt {
    /// What was verified; nothing before the stream's end.
    pub fn received(&self) -> Option<&Received> {
        self.0.get()
    }
}

/// The bytes that a body holds once it is unframed, if its headers say so.
///
/// # Errors
/// InvalidArgument for a length that isn't a number.
pub(crate) fn declared_length(headers: &HeaderMap, payload: &Payload) -> Result<Option<u64>, S3Error> {
    let name = match payload {
        Payload::Plain { .. } => header::CONTENT_LENGTH.as_str(),
        Payload::Chunked { .. } => "x-amz-decoded-content-length",
    };
    let Some(text) = single(headers, name)? else { return Ok(None) };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| is_number)
        .map(Some)
        .ok_or_else(|| S3Error::invalid_argument(name, text, format!("{name} must be a number of bytes.")))
}

/// What a request's checksums are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksums {
    /// The object that the request completes; its body has none.
    OfObject,
    /// The body. If the client sends none, this one is computed.
    OfBody(Option<ChecksumAlgorithm>),
}

/// Starts to unframe and verify a body.
///
/// # Errors
/// InvalidRequest, InvalidDigest, InvalidArgument for headers that contradict each other or can't be read.
pub(crate) fn open<S, E>(
    headers: &HeaderMap,
    payload: Payload,
    checksums: Checksums,
    raw: S,
) -> Result<(BodyStream, Receipt), S3Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError>,
{
    let receipt = Receipt::default();
    let verifier = Verifier::new(headers, payload, checksums, receipt.clone())?;
    let raw = raw.map(|piece| piece.map_err(Into::into)).boxed();
    let reading = Reading { raw, pending: Bytes::new(), verifier: Some(verifier) };
    let stream = futures::stream::unfold(reading, |mut reading| async move {
        let piece = reading.next().await?;
        if piece.is_err() {
            reading.verifier = None;
        }
        Some((piece.map_err(|error| Box::new(error) as BoxError), reading))
    });
    Ok((stream.fuse().boxed(), receipt))
}

/// A body whose length is judged as it comes: it fails once it is too long, or at its end when it is too short.
pub(crate) fn within(body: BodyStream, length: RangeInclusive<u64>) -> BodyStream {
    let state = Some((body, 0));
    let judged = futures::stream::unfold(state, move |state| {
        let (min, max) = (*length.start(), *length.end());
        async move {
            let (mut body, size): (BodyStream, u64) = state?;
            let refused = |code: ErrorCode, size: u64, bound: &'static str, bytes: u64| {
                let error = S3Error::from(code).with_detail("ProposedSize", size.to_string());
                let error = error.with_detail(bound, bytes.to_string());
                Some((Err(Box::new(BodyError::Refused(error)) as BoxError), None))
            };
            match body.next().await {
                Some(Ok(piece)) => match size + piece.len() as u64 {
                    size if size > max => refused(ErrorCode::EntityTooLarge, size, "MaxSizeAllowed", max),
                    size => Some((Ok(piece), Some((body, size)))),
                },
                Some(Err(error)) => Some((Err(error), None)),
                None if size < min => refused(ErrorCode::EntityTooSmall, size, "MinSizeAllowed", min),
                None => None,
            }
        }
    });
    judged.boxed()
}

/// A body on its way. Of what has arrived it holds one frame.
struct Reading {
    raw: BodyStream,
    pending: Bytes,
    /// Taken at the end, after which nothing comes.
    verifier: Option<Verifier>,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            let verifier = self.verifier.as_mut()?;
            match verifier.take(&mut self.pending) {
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) => {}
                Err(error) => return Some(Err(error.into())),
            }
            match self.raw.next().await {
                Some(Ok(frame)) => self.pending = frame,
                Some(Err(error)) => return Some(Err(BodyError::Broken(error))),
                None => return self.verifier.take()?.finish().err().map(|error| Err(error.into())),
            }
        }
    }
}

/// Everything that a body is compared with, and what was seen of it so far.
struct Verifier {
    decoder: Option<Decoder>,
    length: Option<u64>,
    size: u64,
    sha256: Option<(Sha256, [u8; 32])>,
    md5: Option<(Md5, [u8; 16])>,
    checksum: Option<(Hasher, Expected)>,
    receipt: Receipt,
}

/// Where the expected checksum is.
enum Expected {
    Header(Checksum),
    Trailer(ChecksumAlgorithm),
    /// Nowhere: it is computed and compared with nothing.
    Unsaid(ChecksumAlgorithm),
}

impl Verifier {
    fn new(headers: &HeaderMap, payload: Payload, checksums: Checksums, receipt: Receipt) -> Result<Self, S3Error> {
        let length = declared_length(headers, &payload)?;
        let (decoder, sha256) = match payload {
            Payload::Plain { sha256 } => (None, sha256),
            Payload::Chunked { signer, has_trailer } => (Some(Decoder::new(signer, has_trailer)), None),
        };
        let expected = match checksums {
            Checksums::OfBody(wanted) => expected_checksum(headers)?.or(wanted.map(Expected::Unsaid)),
            Checksums::OfObject => None,
        };
        Ok(Self {
            decoder,
            length,
            size: 0,
            sha256: sha256.map(|expected| (Sha256::new(), expected)),
            md5: content_md5(headers)?.map(|expected| (Md5::new(), expected)),
            checksum: expected.map(|expected| (Hasher::new(expected.algorithm()), expected)),
            receipt,
        })
    }

    /// Takes a piece of data from what has arrived; none when all of it is used.
    fn take(&mut self, pending: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        let piece = match &mut self.decoder {
            Some(decoder) => decoder.decode(pending)?,
            None => Some(std::mem::take(pending)).filter(|piece| !piece.is_empty()),
        };
        if let Some(piece) = &piece {
            self.see(piece)?;
        }
        Ok(piece)
    }

    fn see(&mut self, piece: &[u8]) -> Result<(), S3Error> {
        self.size += piece.len() as u64;
        if self.length.is_some_and(|length| self.size > length) {
            return Err(wrong_length());
        }
        if let Some((hash, _)) = &mut self.sha256 {
            hash.update(piece);
        }
        if let Some((hash, _)) = &mut self.md5 {
            hash.update(piece);
        }
        if let Some((hasher, _)) = &mut self.checksum {
            hasher.update(piece);
        }
        Ok(())
    }

    /// Compares everything, and signs the receipt.
    fn finish(self) -> Result<(), S3Error> {
        let trailer = self.decoder.map(Decoder::finish).transpose()?.unwrap_or_default();
        if self.length.is_some_and(|length| self.size != length) {
            return Err(wrong_length());
        }
        if let Some((hash, expected)) = self.sha256 {
            let computed: [u8; 32] = hash.finalize().into();
            if !bool::from(computed.ct_eq(&expected)) {
                return Err(S3Error::from(ErrorCode::XAmzContentSHA256Mismatch)
                    .with_detail("ClientComputedContentSHA256", hex::encode(expected))
                    .with_detail("S3ComputedContentSHA256", hex::encode(computed)));
            }
        }
        if let Some((hash, expected)) = self.md5 {
            let computed: [u8; 16] = hash.finalize().into();
            if computed != expected {
                let why = "The Content-MD5 you specified did not match what we received.";
                return Err(S3Error::new(ErrorCode::BadDigest, why)
                    .with_detail("ExpectedDigest", BASE64.encode(expected))
                    .with_detail("CalculatedDigest", BASE64.encode(computed)));
            }
        }
        let checksum = verified_checksum(self.checksum, &trailer)?;
        let received = Received { size: self.size, checksum };
        self.receipt.0.set(received).expect("because a verifier is finished once");
        Ok(())
    }
}

impl Expected {
    fn algorithm(&self) -> ChecksumAlgorithm {
        match self {
            Self::Header(checksum) => checksum.algorithm,
            Self::Trailer(algorithm) | Self::Unsaid(algorithm) => *algorithm,
        }
    }
}

/// Compares the checksum, and the trailer's fields with those that were declared.
fn verified_checksum(
    computed: Option<(Hasher, Expected)>,
    trailer: &[(String, String)],
) -> Result<Option<Checksum>, S3Error> {
    let malformed = || S3Error::from(ErrorCode::MalformedTrailerError);
    let Some((hasher, expected)) = computed else {
        return if trailer.is_empty() { Ok(None) } else { Err(malformed()) };
    };
    let expected = match (expected, trailer) {
        (Expected::Unsaid(_), []) => return Ok(Some(hasher.finish())),
        (Expected::Header(checksum), []) => checksum,
        (Expected::Trailer(algorithm), [(name, value)]) if name == algorithm.header() => {
            Checksum::parse(algorithm, value).ok_or_else(|| checksum::invalid_value(name))?
        }
        _ => return Err(malformed()),
    };
    let computed = hasher.finish();
    match computed == expected {
        true => Ok(Some(computed)),
        false => {
            let name = expected.algorithm.as_str();
            let why = format!("The {name} you specified did not match the calculated checksum.");
            Err(S3Error::new(ErrorCode::BadDigest, why))
        }
    }
}

/// Where the body's checksum will be, by `x-amz-checksum-*`, `x-amz-trailer` and `x-amz-sdk-checksum-algorithm`.
fn expected_checksum(headers: &HeaderMap) -> Result<Option<Expected>, S3Error> {
    let expected = match (checksum::from_headers(headers)?, trailer_algorithm(headers)?) {
        (Some(_), Some(_)) => {
            return Err(S3Error::invalid_request("Expecting a single x-amz-checksum- header or trailer."));
        }
        (Some(checksum), None) => Some(Expected::Header(checksum)),
        (None, algorithm) => algorithm.map(Expected::Trailer),
    };
    match (checksum::sdk_algorithm(headers)?, &expected) {
        (Some(_), None) => Err(S3Error::invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
             were found.",
        )),
        (Some(named), Some(expected)) if named != expected.algorithm() => {
            Err(S3Error::invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid."))
        }
        _ => Ok(expected),
    }
}

/// The checksum that `x-amz-trailer` declares.
fn trailer_algorithm(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(name) = single(headers, "x-amz-trailer")? else { return Ok(None) };
    ChecksumAlgorithm::of_header(name.trim())
        .map(Some)
        .ok_or_else(|| S3Error::invalid_request("The value specified in the x-amz-trailer header is not supported"))
}

fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(text) = single(headers, "content-md5")? else { return Ok(None) };
    let digest = BASE64.decode(text.trim()).ok().and_then(|digest| digest.try_into().ok());
    digest.map(Some).ok_or_else(|| S3Error::new(ErrorCode::InvalidDigest, "The Content-MD5 you specified was invalid."))
}

fn wrong_length() -> S3Error {
    ErrorCode::IncompleteBody.into()
}

#[cfg(test)]
mod tests;
