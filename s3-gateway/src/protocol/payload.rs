//! What `x-amz-content-sha256` says of a body: how it is framed and what signs it. Invariant: a value that isn't known
//! is refused, for a body that nobody verifies must have been asked for.

use super::error::S3Error;
use super::signing_key::SigningKey;

/// The payload of requests whose signature doesn't cover it.
pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// How a body comes.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// As it is; with its SHA-256 when that was signed.
    Plain { sha256: Option<[u8; 32]> },
    /// In chunks (`aws-chunked`); each is signed when there is a signer.
    Chunked { signer: Option<ChunkSigner>, has_trailer: bool },
}

impl Payload {
    /// Reads the header's value. `signer` signs chunks; version 2 has none, so it can't sign any.
    ///
    /// # Errors
    /// NotImplemented for asymmetric signatures, InvalidArgument for what isn't known.
    pub(crate) fn parse(value: &str, signer: Option<ChunkSigner>) -> Result<Self, S3Error> {
        let signed = |has_trailer| match signer {
            Some(signer) => Ok(Self::Chunked { signer: Some(signer), has_trailer }),
            None => Err(S3Error::invalid_request("Chunks can only be signed with signature version 4.")),
        };
        match value {
            UNSIGNED => Ok(Self::Plain { sha256: None }),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::Chunked { signer: None, has_trailer: true }),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => signed(false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => signed(true),
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" | "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER" => {
                Err(S3Error::not_implemented(value))
            }
            _ => digest(value).map(|digest| Self::Plain { sha256: Some(digest) }),
        }
    }
}

fn digest(value: &str) -> Result<[u8; 32], S3Error> {
    let mut digest = [0; 32];
    let is_lower = value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match is_lower && hex::decode_to_slice(value, &mut digest).is_ok() {
        true => Ok(digest),
        false => Err(S3Error::invalid_argument(
            "x-amz-content-sha256",
            value,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        )),
    }
}

/// Verifies the chain of signatures over chunks: each covers the one before it, and the first the request's.
#[derive(Debug, Clone)]
pub(crate) struct ChunkSigner {
    key: SigningKey,
    /// Timestamp and scope, a line each.
    context: String,
    previous: String,
}

impl ChunkSigner {
    /// Starts the chain with the request's signature, `timestamp` (`20261120T093000Z`) and scope
    /// (`20261120/us-east-1/s3/aws4_request`).
    pub(crate) fn new(key: SigningKey, timestamp: &str, scope: &str, seed: &str) -> Self {
        Self { key, context: format!("{timestamp}\n{scope}"), previous: seed.to_owned() }
    }

    /// Verifies a chunk by the SHA-256 of its bytes.
    pub(crate) fn verify_chunk(&mut self, sha256: &[u8], signature: &str) -> bool {
        /// The SHA-256 of nothing, which stands for the chunk's absent headers.
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digests = format!("{EMPTY}\n{}", hex::encode(sha256));
        self.verify("AWS4-HMAC-SHA256-PAYLOAD", &digests, signature)
    }

    /// Verifies the trailer by the SHA-256 of its canonical lines.
    pub(crate) fn verify_trailer(&mut self, sha256: &[u8], signature: &str) -> bool {
        self.verify("AWS4-HMAC-SHA256-TRAILER", &hex::encode(sha256), signature)
    }

    fn verify(&mut self, algorithm: &str, digests: &str, signature: &str) -> bool {
        let string_to_sign = format!("{algorithm}\n{}\n{}\n{digests}", self.context, self.previous);
        let verified = self.key.verifies(&string_to_sign, signature);
        signature.clone_into(&mut self.previous);
        verified
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::ErrorCode;
    use super::*;

    #[test]
    fn unknown_values_are_refused() {
        let code = |value: &str| Payload::parse(value, None).unwrap_err().code();
        for value in ["", "unsigned-payload", "STREAMING-PAYLOAD", "abc", &"A".repeat(64), &"a".repeat(66)] {
            assert_eq!(code(value), ErrorCode::InvalidArgument, "{value}");
        }
        assert_eq!(code("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), ErrorCode::NotImplemented);
        assert_eq!(code("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ErrorCode::InvalidRequest);
        let sha256 = Some([0xaa; 32]);
        assert!(matches!(Payload::parse(&"a".repeat(64), None), Ok(Payload::Plain { sha256: s }) if s == sha256));
    }
}
