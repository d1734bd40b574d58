//! The digests that S3 clients send along: their names, their values, and the hashing. Leaves out what part checksums
//! make together. Invariant: a [`Checksum`] read from a request holds as many bytes as its algorithm makes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

use super::error::{ErrorCode, S3Error};
use super::headers::single;

/// A digest that S3 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// MD5.
    Md5,
    /// XXH64.
    Xxhash64,
    /// XXH3 of 64 bits.
    Xxhash3,
    /// XXH3 of 128 bits.
    Xxhash128,
}

/// What a multipart object's checksum covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumKind {
    /// The object's bytes.
    FullObject,
    /// The checksums of its parts, one after the other.
    Composite,
}

/// A checksum of a body, a part or an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Which digest.
    pub algorithm: ChecksumAlgorithm,
    /// Base64, with `-N` after it when it is a composite one of N parts.
    pub value: String,
}

impl ChecksumAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 10] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Md5,
        Self::Xxhash64,
        Self::Xxhash3,
        Self::Xxhash128,
    ];

    /// S3's name: `CRC32C`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
            Self::Md5 => "MD5",
            Self::Xxhash64 => "XXHASH64",
            Self::Xxhash3 => "XXHASH3",
            Self::Xxhash128 => "XXHASH128",
        }
    }

    /// The header or trailer that carries it: `x-amz-checksum-crc32c`.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Sha512 => "x-amz-checksum-sha512",
            Self::Md5 => "x-amz-checksum-md5",
            Self::Xxhash64 => "x-amz-checksum-xxhash64",
            Self::Xxhash3 => "x-amz-checksum-xxhash3",
            Self::Xxhash128 => "x-amz-checksum-xxhash128",
        }
    }

    /// The XML element that carries it: `ChecksumCRC32C`.
    pub fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
            Self::Sha512 => "ChecksumSHA512",
            Self::Md5 => "ChecksumMD5",
            Self::Xxhash64 => "ChecksumXXHASH64",
            Self::Xxhash3 => "ChecksumXXHASH3",
            Self::Xxhash128 => "ChecksumXXHASH128",
        }
    }

    /// Reads S3's name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The algorithm that a header or trailer carries.
    pub(crate) fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    }

    /// How many bytes the digest has.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme | Self::Xxhash64 | Self::Xxhash3 => 8,
            Self::Md5 | Self::Xxhash128 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The CRC's parameters; none for hashes, which don't combine.
    pub(crate) fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 | Self::Sha512 | Self::Md5 | Self::Xxhash64 | Self::Xxhash3 | Self::Xxhash128 => {
                None
            }
        }
    }
}

impl ChecksumKind {
    /// S3's name: `FULL_OBJECT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// Reads S3's name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite].into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }
}

impl Checksum {
    /// Encodes a digest.
    pub(crate) fn of_digest(algorithm: ChecksumAlgorithm, digest: &[u8]) -> Self {
        Self { algorithm, value: BASE64.encode(digest) }
    }

    /// Reads a plain (not composite) value; none unless it is base64 of the right length.
    pub fn parse(algorithm: ChecksumAlgorithm, value: &str) -> Option<Self> {
        let digest = BASE64.decode(value.trim()).ok().filter(|digest| digest.len() == algorithm.length())?;
        Some(Self::of_digest(algorithm, &digest))
    }

    /// The digest's bytes; none for a composite value.
    pub(crate) fn digest(&self) -> Option<Vec<u8>> {
        BASE64.decode(&self.value).ok().filter(|digest| digest.len() == self.algorithm.length())
    }
}

/// A digest being computed.
pub(crate) struct Hasher {
    algorithm: ChecksumAlgorithm,
    state: State,
}

enum State {
    Crc(Box<crc_fast::Digest>),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Md5(Md5),
    Xxhash64(Box<Xxh64>),
    Xxhash3(Box<Xxh3>),
}

impl Hasher {
    /// Starts over no bytes.
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        let crc = |algorithm| State::Crc(Box::new(crc_fast::Digest::new(algorithm)));
        let state = match algorithm {
            ChecksumAlgorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            ChecksumAlgorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            ChecksumAlgorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            ChecksumAlgorithm::Sha1 => State::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            ChecksumAlgorithm::Sha512 => State::Sha512(Sha512::new()),
            ChecksumAlgorithm::Md5 => State::Md5(Md5::new()),
            ChecksumAlgorithm::Xxhash64 => State::Xxhash64(Box::new(Xxh64::new(0))),
            ChecksumAlgorithm::Xxhash3 | ChecksumAlgorithm::Xxhash128 => State::Xxhash3(Box::new(Xxh3::new())),
        };
        Self { algorithm, state }
    }

    /// Takes more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(crc) => crc.update(bytes),
            State::Sha1(sha) => sha.update(bytes),
            State::Sha256(sha) => sha.update(bytes),
            State::Sha512(sha) => sha.update(bytes),
            State::Md5(md5) => md5.update(bytes),
            State::Xxhash64(hash) => hash.update(bytes),
            State::Xxhash3(hash) => hash.update(bytes),
        }
    }

    /// The checksum of all bytes taken. XXH's are big-endian, their canonical form.
    pub(crate) fn finish(self) -> Checksum {
        let algorithm = self.algorithm;
        let of = |digest: &[u8]| Checksum::of_digest(algorithm, digest);
        match self.state {
            State::Crc(crc) => of(&crc_bytes(algorithm, crc.finalize())),
            State::Sha1(sha) => of(&sha.finalize()),
            State::Sha256(sha) => of(&sha.finalize()),
            State::Sha512(sha) => of(&sha.finalize()),
            State::Md5(md5) => of(&md5.finalize()),
            State::Xxhash64(hash) => of(&hash.digest().to_be_bytes()),
            State::Xxhash3(hash) if algorithm == ChecksumAlgorithm::Xxhash128 => of(&hash.digest128().to_be_bytes()),
            State::Xxhash3(hash) => of(&hash.digest().to_be_bytes()),
        }
    }
}

/// The checksum of some bytes.
pub fn of_bytes(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// The algorithm and kind that CreateMultipartUpload asks for (`x-amz-checksum-algorithm`, `x-amz-checksum-type`).
///
/// Without a kind, CRC-64/NVME covers the object and the others are composite, as in S3.
///
/// # Errors
/// InvalidRequest for what doesn't exist: hashes of full objects, a composite CRC-64/NVME, a kind alone.
pub fn wanted_of_upload(headers: &HeaderMap) -> Result<Option<(ChecksumAlgorithm, ChecksumKind)>, S3Error> {
    let kind = named_kind(headers)?;
    let Some(algorithm) = wanted_algorithm(headers)? else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(S3Error::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let usual = match algorithm {
        ChecksumAlgorithm::Crc64Nvme => ChecksumKind::FullObject,
        _ => ChecksumKind::Composite,
    };
    let kind = kind.unwrap_or(usual);
    let exists = match kind {
        ChecksumKind::FullObject => algorithm.crc().is_some(),
        ChecksumKind::Composite => algorithm != ChecksumAlgorithm::Crc64Nvme,
    };
    match exists {
        true => Ok(Some((algorithm, kind))),
        false => Err(S3Error::invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.as_str(),
            algorithm.as_str()
        ))),
    }
}

/// The kind that CreateMultipartUpload or CompleteMultipartUpload names (`x-amz-checksum-type`).
///
/// # Errors
/// InvalidRequest for what is none.
pub fn named_kind(headers: &HeaderMap) -> Result<Option<ChecksumKind>, S3Error> {
    let Some(name) = single(headers, "x-amz-checksum-type")? else { return Ok(None) };
    ChecksumKind::parse(name).map(Some).ok_or_else(|| {
        S3Error::invalid_request("Value for x-amz-checksum-type header is invalid: use FULL_OBJECT or COMPOSITE.")
    })
}

/// The algorithm that CopyObject or CreateMultipartUpload asks for (`x-amz-checksum-algorithm`).
pub fn wanted_algorithm(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    named_algorithm(headers, "x-amz-checksum-algorithm")
}

/// The algorithm that an SDK says it used for the body (`x-amz-sdk-checksum-algorithm`).
pub(crate) fn sdk_algorithm(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    named_algorithm(headers, "x-amz-sdk-checksum-algorithm")
}

fn named_algorithm(headers: &HeaderMap, header: &str) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(name) = single(headers, header)? else { return Ok(None) };
    ChecksumAlgorithm::parse(name).map(Some).ok_or_else(|| {
        let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::as_str).join(", ");
        S3Error::invalid_request(format!("Checksum algorithm provided is unsupported in {header}. Use one of {known}."))
    })
}

/// The `x-amz-checksum-*` value among the headers: of the body, or of the object in CompleteMultipartUpload.
///
/// # Errors
/// InvalidRequest for more than one, for an algorithm that doesn't exist and for a value of the wrong length.
pub fn from_headers(headers: &HeaderMap) -> Result<Option<Checksum>, S3Error> {
    let mut found = None;
    for name in headers.keys().filter(|name| is_value_header(name.as_str())) {
        if found.is_some() {
            return Err(S3Error::invalid_request("Expecting a single x-amz-checksum- header. Multiple were found."));
        }
        let algorithm = ChecksumAlgorithm::of_header(name.as_str())
            .ok_or_else(|| S3Error::invalid_request(format!("The checksum algorithm of {name} is unsupported.")))?;
        let value = single(headers, name.as_str())?.unwrap_or_default();
        // CompleteMultipartUpload sends composite values with the number of parts after them.
        let (digest, parts) = value.split_once('-').map_or((value, None), |(digest, parts)| (digest, Some(parts)));
        let mut checksum = Checksum::parse(algorithm, digest).ok_or_else(|| invalid_value(name.as_str()))?;
        if let Some(parts) = parts {
            checksum.value = format!("{}-{parts}", checksum.value);
        }
        found = Some(checksum);
    }
    Ok(found)
}

/// Refuses a checksum that can't be one.
pub(crate) fn invalid_value(name: &str) -> S3Error {
    S3Error::new(ErrorCode::InvalidRequest, format!("Value for {name} header is invalid."))
}

/// Whether a GET or HEAD wants checksums (`x-amz-checksum-mode: ENABLED`).
pub fn is_wanted(headers: &HeaderMap) -> bool {
    headers.get("x-amz-checksum-mode").is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"ENABLED"))
}

/// Whether a header carries a checksum, rather than saying something of checksums.
pub(crate) fn is_value_header(name: &str) -> bool {
    name.starts_with("x-amz-checksum-")
        && !matches!(name, "x-amz-checksum-algorithm" | "x-amz-checksum-type" | "x-amz-checksum-mode")
}

/// A CRC as S3 writes it: big-endian, as wide as its algorithm.
pub(crate) fn crc_bytes(algorithm: ChecksumAlgorithm, crc: u64) -> Vec<u8> {
    crc.to_be_bytes()[8 - algorithm.length()..].to_vec()
}

#[cfg(test)]
mod tests;
