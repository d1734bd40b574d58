//! What is kept of one object: where its bytes lie and what a reader sees. Owns the identity rule; the encoding is
//! `proto`'s. Invariant: two entries with one identity look the same to every reader.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{PartSizes, Timestamp};

/// Where an object's bytes lie.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Address {
    /// Under the repository's storage namespace: `data/<partition>/<unique>`.
    Relative(String),
    /// Anywhere, as a URL; Lakebed reads there and never writes.
    Full(String),
}

impl Address {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Relative(text) | Self::Full(text) => text,
        }
    }
}

/// The digests that S3 clients may ask to be verified, kept and returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChecksumKind {
    /// The object's bytes.
    FullObject,
    /// The checksums of its parts, one after the other.
    Composite,
}

/// A verified checksum of an object or part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checksum {
    /// Which digest.
    pub algorithm: ChecksumAlgorithm,
    /// What it covers.
    pub kind: ChecksumKind,
    /// Its value as S3 writes it: base64, with `-N` after it when composite.
    pub value: String,
}

/// One object as a ref holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where the bytes lie.
    pub address: Address,
    /// When it was written.
    pub last_modified: Timestamp,
    /// Bytes.
    pub size: u64,
    /// S3's entity tag without quotes: hex MD5, or `md5(md5s)-N` for a multipart upload.
    pub e_tag: String,
    /// The media type.
    pub content_type: String,
    /// User metadata, names in lower case without `x-amz-meta-`; and the tags, under [`crate::TAGS_NAME`].
    pub metadata: BTreeMap<String, String>,
    /// Other standard headers that a GET returns, names in lower case: cache-control, content-disposition,
    /// content-encoding, content-language, expires, x-amz-storage-class, x-amz-website-redirect-location.
    pub headers: BTreeMap<String, String>,
    /// The checksum that the writer asked to keep.
    pub checksum: Option<Checksum>,
    /// The parts that it was uploaded in; none if it was uploaded whole, or if their sizes aren't known.
    pub parts: Option<PartSizes>,
}

/// A digest of what a reader of an object sees: size, ETag, media type, metadata and headers, but not when the bytes were
/// written, nor where they lie in the repository's own namespace; nor the sizes of its parts, which its ETag tells apart, and
/// which older entries lack. Of bytes that lie elsewhere the place counts, for they
/// are there as long as somebody else keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub [u8; IDENTITY_BYTES]);

/// 20 bytes, since equal identities at one key must mean equal objects even against somebody who looks for collisions in
/// their own data, and every record carries one.
pub const IDENTITY_BYTES: usize = 20;

/// What the visible fields of most objects take.
const VISIBLE_BYTES_USUAL: usize = 256;

impl Entry {
    /// Computes the entry's identity: the first bytes of BLAKE3 over its visible fields, each with its length. All numbers
    /// are varints (LEB128), so that what is hashed of most objects is one or two of BLAKE3's blocks of 64 bytes.
    pub fn identity(&self) -> Identity {
        fn number(visible: &mut Vec<u8>, mut number: u64) {
            while number >= 0x80 {
                visible.push(number as u8 | 0x80);
                number >>= 7;
            }
            visible.push(number as u8);
        }
        fn field(visible: &mut Vec<u8>, bytes: &[u8]) {
            number(visible, bytes.len() as u64);
            visible.extend_from_slice(bytes);
        }
        // One hash of few bytes costs half of what a hasher does that takes them one by one.
        let mut visible = Vec::with_capacity(VISIBLE_BYTES_USUAL);
        number(&mut visible, self.size);
        field(&mut visible, self.e_tag.as_bytes());
        field(&mut visible, self.content_type.as_bytes());
        for map in [&self.metadata, &self.headers] {
            number(&mut visible, map.len() as u64);
            for (name, value) in map {
                field(&mut visible, name.as_bytes());
                field(&mut visible, value.as_bytes());
            }
        }
        if let Address::Full(url) = &self.address {
            field(&mut visible, url.as_bytes());
        }
        let hash = blake3::hash(&visible);
        let (identity, _) = hash.as_bytes().split_first_chunk().expect("because a hash has 32 bytes");
        Identity(*identity)
    }
}
