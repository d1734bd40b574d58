//! Gives an object store ETags like those of S3: the MD5 of the bytes, or what only looks like one, as where objects are
//! encrypted with a key of a key service; and times of whole seconds. Owns nothing but these. Invariant: bytes and sizes are the
//! store's.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::SubsecRound;
use futures::stream::BoxStream;
use md5::{Digest, Md5};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What ETags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// The MD5 of the bytes.
    Md5,
    /// 32 hexadecimal digits that say nothing of the bytes.
    Opaque,
}

/// A store with other ETags where an object's metadata is asked for.
pub struct Tagging {
    store: Arc<dyn ObjectStore>,
    tags: Tags,
}

impl Tagging {
    /// Gives `store` these ETags.
    pub fn new(store: Arc<dyn ObjectStore>, tags: Tags) -> Arc<Self> {
        Arc::new(Self { store, tags })
    }

    async fn tag(&self, location: &Path) -> Result<String> {
        let bytes: Bytes = match self.tags {
            Tags::Md5 => self.store.get(location).await?.bytes().await?,
            Tags::Opaque => location.to_string().into(),
        };
        let digits: String = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("\"{digits}\""))
    }
}

impl fmt::Debug for Tagging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tagging({:?})", self.store)
    }
}

impl fmt::Display for Tagging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tagging({})", self.store)
    }
}

#[async_trait]
impl ObjectStore for Tagging {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let is_head = options.head;
        let mut result = self.store.get_opts(location, options).await?;
        if is_head {
            result.meta.e_tag = Some(self.tag(location).await?);
            result.meta.last_modified = result.meta.last_modified.trunc_subsecs(0);
        }
        Ok(result)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
