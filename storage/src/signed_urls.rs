//! URLs by which clients read and write one object themselves. Owns which requests are signed and for how long; leaves
//! the signature to the store's signer. Invariant: a URL is of one address, one method and a short time.

use std::time::Duration;

use http::Method;
use model::Address;
use object_store::path::Path;

use crate::presigned::Presigned;
use crate::{RepositoryStorage, StorageError};

/// How long a signed URL is good for.
pub const SIGNED_URL_EXPIRES_IN: Duration = Duration::from_secs(15 * 60);

impl RepositoryStorage {
    /// A URL by which an object is read, wherever it lies. Of an imported one it reads what is there then.
    pub async fn signed_get(&self, address: &Address) -> Result<String, StorageError> {
        match address {
            Address::Relative(text) => self.signed(Method::GET, &self.paths().relative(text)?, &[]).await,
            Address::Full(url) => {
                let (site, path) = self.stores().site(url).await?;
                sign(site.presigned.as_deref(), Method::GET, &path, url, &[]).await
            }
        }
    }

    /// A URL by which an object is written.
    pub async fn signed_put(&self, address: &Address) -> Result<String, StorageError> {
        let path = self.paths().writable(address)?;
        self.signed(Method::PUT, &path, &[]).await
    }

    /// A URL by which a part of a multipart upload is written.
    pub async fn signed_part(&self, address: &Address, upload: &str, number: u32) -> Result<String, StorageError> {
        let path = self.paths().writable(address)?;
        let query = [("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
        self.signed(Method::PUT, &path, &query).await
    }

    async fn signed(&self, method: Method, path: &Path, query: &[(&str, String)]) -> Result<String, StorageError> {
        sign(self.stores().presigned.as_deref(), method, path, &self.shown(path), query).await
    }
}

async fn sign(
    presigned: Option<&Presigned>,
    method: Method,
    path: &Path,
    shown: &str,
    query: &[(&str, String)],
) -> Result<String, StorageError> {
    let why = "the object store can't pre-sign URLs: read and write through the server";
    let presigned = presigned.ok_or_else(|| StorageError::Invalid(why.into()))?;
    presigned.url(method, path, shown, query, SIGNED_URL_EXPIRES_IN).await
}
