//! The decoder of `aws-chunked` bodies: `SIZE[;chunk-signature=…]`, the bytes, and after an empty chunk the trailer.
//! Leaves digests of the whole to the body. Invariant: it keeps at most one line, never a chunk, whatever sizes a
//! client declares; data is handed on before its signature can be checked, so only [`Decoder::finish`] says it is good.

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::error::{ErrorCode, S3Error};
use super::payload::ChunkSigner;

/// The longest line of framing, in bytes: a chunk's header or a trailer's field.
const LINE_BYTES_MAX: usize = 1024;

/// The most bytes that are kept back: a vector may have room for twice what it holds.
pub(crate) const BUFFERED_BYTES_MAX: usize = 2 * LINE_BYTES_MAX;

/// The most fields of a trailer.
const TRAILER_FIELDS_MAX: usize = 8;

/// The trailer's field that signs the others.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Takes a body apart, piece by piece.
#[derive(Debug)]
pub(crate) struct Decoder {
    signer: Option<ChunkSigner>,
    has_trailer: bool,
    state: State,
    line: Vec<u8>,
    chunk_hash: Sha256,
    chunk_signature: String,
    trailer: Trailer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before or in a chunk's header.
    Header,
    /// In a chunk's bytes.
    Data { left: u64 },
    /// At the line end after a chunk's bytes.
    DataEnd,
    /// In the trailer, or at the empty line that stands for it.
    Trailer,
    /// Behind everything.
    Done,
}

#[derive(Debug, Default)]
struct Trailer {
    fields: Vec<(String, String)>,
    signature: Option<String>,
}

impl Decoder {
    /// Makes a decoder; a signer demands that every chunk, and the trailer if there is one, is signed.
    pub(crate) fn new(signer: Option<ChunkSigner>, has_trailer: bool) -> Self {
        Self {
            signer,
            has_trailer,
            state: State::Header,
            line: Vec::new(),
            chunk_hash: Sha256::new(),
            chunk_signature: String::new(),
            trailer: Trailer::default(),
        }
    }

    /// Takes input until it yields a piece of data; none when the input is used up.
    ///
    /// # Errors
    /// InvalidRequest for framing that can't be read, SignatureDoesNotMatch, MalformedTrailerError.
    pub(crate) fn decode(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        while !input.is_empty() {
            if let State::Data { left } = self.state {
                return self.take_data(input, left).map(Some);
            }
            let Some(line) = self.take_line(input)? else { break };
            self.state = match self.state {
                State::Header => self.header(&line)?,
                State::Trailer => self.trailer_line(&line)?,
                State::DataEnd if line == b"\r" => State::Header,
                // Some writers end a trailer with one empty line more.
                State::Done if self.has_trailer && line == b"\r" => State::Done,
                State::DataEnd | State::Done | State::Data { .. } => {
                    return Err(malformed("There are bytes that belong to no chunk."));
                }
            };
        }
        Ok(None)
    }

    /// Ends the body: the trailer's fields, verified.
    ///
    /// # Errors
    /// IncompleteBody when the end didn't come.
    pub(crate) fn finish(self) -> Result<Vec<(String, String)>, S3Error> {
        match self.state == State::Done && self.line.is_empty() {
            true => Ok(self.trailer.fields),
            false => Err(S3Error::new(ErrorCode::IncompleteBody, "The body ended before its last chunk or trailer.")),
        }
    }

    /// How many bytes are kept back, for who checks that they are few.
    pub(crate) fn buffered(&self) -> usize {
        self.line.capacity()
    }

    fn take_data(&mut self, input: &mut Bytes, left: u64) -> Result<Bytes, S3Error> {
        let bytes = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let data = input.split_to(bytes);
        if self.signer.is_some() {
            self.chunk_hash.update(&data);
        }
        let left = left - bytes as u64;
        self.state = State::Data { left };
        if left == 0 {
            self.verify_chunk()?;
            self.state = State::DataEnd;
        }
        Ok(data)
    }

    /// Takes a line, without its line feed but with what is before it.
    fn take_line(&mut self, input: &mut Bytes) -> Result<Option<Vec<u8>>, S3Error> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let bytes = end.unwrap_or(input.len());
        if self.line.len() + bytes > LINE_BYTES_MAX {
            return Err(malformed("A line of the chunked framing is too long."));
        }
        self.line.extend_from_slice(&input[..bytes]);
        input.advance(bytes + usize::from(end.is_some()));
        Ok(end.map(|_| std::mem::take(&mut self.line)))
    }

    /// Reads `SIZE` or `SIZE;chunk-signature=…`.
    fn header(&mut self, line: &[u8]) -> Result<State, S3Error> {
        let wrong = || malformed("A chunk's header can't be read.");
        let line = line.strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok()).ok_or_else(wrong)?;
        let (size, extension) = line.split_once(';').map_or((line, None), |(size, rest)| (size, Some(rest)));
        let is_hex = (1..=16).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| is_hex).ok_or_else(wrong)?;
        match (&self.signer, extension.map(|extension| extension.strip_prefix("chunk-signature="))) {
            (Some(_), Some(Some(signature))) => signature.clone_into(&mut self.chunk_signature),
            (None, None) => {}
            (Some(_), _) => return Err(malformed("A chunk of a signed body has no chunk-signature.")),
            (None, Some(_)) => return Err(malformed("A chunk of an unsigned body has an extension.")),
        }
        if size > 0 {
            return Ok(State::Data { left: size });
        }
        self.verify_chunk()?;
        Ok(State::Trailer)
    }

    fn verify_chunk(&mut self) -> Result<(), S3Error> {
        let hash = self.chunk_hash.finalize_reset();
        let Some(signer) = &mut self.signer else { return Ok(()) };
        match signer.verify_chunk(&hash, &self.chunk_signature) {
            true => Ok(()),
            false => Err(S3Error::new(ErrorCode::SignatureDoesNotMatch, "The signature of a chunk does not match.")),
        }
    }

    /// Reads a field of the trailer, or the empty line that ends it.
    fn trailer_line(&mut self, line: &[u8]) -> Result<State, S3Error> {
        let line = line.strip_suffix(b"\r").ok_or(line);
        match line {
            Ok(b"") if self.signer.is_some() && self.has_trailer && self.trailer.signature.is_none() => {
                // Some writers put an empty line before the signature. Without any signature the end doesn't come.
                Ok(State::Trailer)
            }
            Ok(b"") => self.verify_trailer().map(|()| State::Done),
            // Some writers end fields with a line feed alone.
            Ok(field) | Err(field) => self.trailer_field(field).map(|()| State::Trailer),
        }
    }

    fn trailer_field(&mut self, line: &[u8]) -> Result<(), S3Error> {
        let wrong = || S3Error::from(ErrorCode::MalformedTrailerError);
        let text = std::str::from_utf8(line).ok().filter(|text| !text.contains(char::is_control)).ok_or_else(wrong)?;
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        let is_late = self.trailer.signature.is_some() || self.trailer.fields.len() >= TRAILER_FIELDS_MAX;
        if !self.has_trailer || is_late || name.is_empty() {
            return Err(wrong());
        }
        match name == TRAILER_SIGNATURE && self.signer.is_some() {
            true => self.trailer.signature = Some(value),
            false => self.trailer.fields.push((name, value)),
        }
        Ok(())
    }

    fn verify_trailer(&mut self) -> Result<(), S3Error> {
        let (Some(signer), true) = (&mut self.signer, self.has_trailer) else { return Ok(()) };
        let mut hash = Sha256::new();
        for (name, value) in &self.trailer.fields {
            hash.update(format!("{name}:{value}\n"));
        }
        let signature = self.trailer.signature.as_deref().unwrap_or_default();
        match signer.verify_trailer(&hash.finalize(), signature) {
            true => Ok(()),
            false => {
                Err(S3Error::new(ErrorCode::SignatureDoesNotMatch, "The signature of the trailer does not match."))
            }
        }
    }
}

fn malformed(why: &str) -> S3Error {
    S3Error::invalid_request(why)
}

#[cfg(test)]
mod tests;
