//! URLs by which clients read and write one object themselves. Owns which requests are signed and for how long; leaves
//! the signature to the store's signer. Invariants: a URL is of one address, one method and a short time; none writes where
//! an object of a ref lies.

use std::time::Duration;

use http::Method;
use model::Address;
use object_store::path::Path;

use crate::presigned::Presigned;
use crate::{Immutable, RepositoryStorage, StorageError};

/// How long a signed URL is good for.
pub const SIGNED_URL_EXPIRES_IN: Duration = Duration::from_secs(15 * 60);

impl RepositoryStorage {
    /// A URL by which an object is read, wherever it lies; nothing if it lies where nothing can be signed, such as in a
    /// folder. Of an imported one it reads what is there then.
    pub async fn signed_get(&self, address: &Address) -> Result<Option<String>, StorageError> {
        match address {
            Address::Relative(text) => {
                let path = self.paths().relative(text)?;
                sign(self.stores().presigned.as_deref(), Method::GET, &path, &self.shown(&path), &[]).await
            }
            Address::Full(url) => {
                let (site, path) = self.stores().site(url).await?;
                sign(site.presigned.as_deref(), Method::GET, &path, url, &[]).await
            }
        }
    }

    /// A URL by which an immutable object is read; nothing if nothing can be signed.
    pub async fn signed_immutable(&self, object: &Immutable) -> Result<Option<String>, StorageError> {
        let path = self.paths().immutable(object);
        sign(self.stores().presigned.as_deref(), Method::GET, &path, &self.shown(&path), &[]).await
    }

    /// A URL by which an object is written: at an address that was given out, for it goes on to write there.
    pub async fn signed_put(&self, address: &Address) -> Result<String, StorageError> {
        self.signed_write(self.paths().given_out(address)?, &[]).await
    }

    /// A URL by which a part of a multipart upload is written. It writes nothing once the upload has ended.
    pub async fn signed_part(&self, address: &Address, upload: &str, number: u32) -> Result<String, StorageError> {
        let query = [("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
        self.signed_write(self.paths().writable(address)?, &query).await
    }

    async fn signed_write(&self, path: Path, query: &[(&str, String)]) -> Result<String, StorageError> {
        let signed = sign(self.stores().presigned.as_deref(), Method::PUT, &path, &self.shown(&path), query).await?;
        signed.ok_or_else(|| {
            StorageError::Invalid("the object store can't pre-sign URLs: write through the server".into())
        })
    }
}

async fn sign(
    presigned: Option<&Presigned>,
    method: Method,
    path: &Path,
    shown: &str,
    query: &[(&str, String)],
) -> Result<Option<String>, StorageError> {
    match presigned {
        Some(presigned) => presigned.url(method, path, shown, query, SIGNED_URL_EXPIRES_IN).await.map(Some),
        None => Ok(None),
    }
}
