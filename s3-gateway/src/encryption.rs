//! Encryption at rest, which is the object store's. Owns what its clients may ask for and what they are told. Invariant:
//! who asks for it gets it or an error, never bytes that lie there in the clear.

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Address, Entry};
use storage::Stores;

use crate::protocol::{Operation, S3Error};

const HEADER: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");

/// S3's name of encryption with the store's own keys, the one kind that a request may ask for.
const BY_THE_STORE: HeaderValue = HeaderValue::from_static("AES256");

/// Refuses to write to a store that doesn't encrypt what shall be encrypted.
pub(crate) fn check(request: &HeaderMap, stores: &Stores) -> Result<(), S3Error> {
    match request.contains_key(HEADER) && !stores.encrypts() {
        true => Err(S3Error::not_implemented(format!(
            "The header {HEADER} (this server's object store isn't known to encrypt: leave the header out, or ask its \
             operator)"
        ))),
        false => Ok(()),
    }
}

/// Says of a write that its bytes are encrypted.
pub(crate) fn describe_write(answer: &mut HeaderMap, operation: &Operation, stores: &Stores) {
    let writes_bytes = matches!(
        operation,
        Operation::PutObject { .. }
            | Operation::CopyObject { .. }
            | Operation::CreateMultipartUpload { .. }
            | Operation::UploadPart { .. }
            | Operation::UploadPartCopy { .. }
            | Operation::CompleteMultipartUpload { .. }
    );
    if writes_bytes && stores.encrypts() {
        answer.insert(HEADER, BY_THE_STORE);
    }
}

/// Says of an object that its bytes are encrypted. Of bytes that were imported their own store's operator knows.
pub(crate) fn describe_read(answer: &mut HeaderMap, entry: &Entry, stores: &Stores) {
    if stores.encrypts() && matches!(entry.address, Address::Relative(_)) {
        answer.insert(HEADER, BY_THE_STORE);
    }
}
