//! Completes multipart uploads as S3 does: with its ETags, or with such as objects have that are encrypted with a key of a key
//! service. Owns the ETags of parts and of what they are made into; leaves their bytes to the store.
//! Invariant: whatever parts a completion names, it is answered as the first one of its upload was.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use md5::{Digest, Md5};
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartId, PutPayload, PutResult, Result};
use tokio::sync::Mutex;

use super::Tags;
use crate::memory::MemoryMultipart;
use crate::source::unquoted;
use crate::{Scheme, Stores};

/// Completes the uploads of a store as S3 does.
pub struct Completing {
    multipart: Arc<dyn MultipartStore>,
    tags: Tags,
    uploads: Mutex<HashMap<MultipartId, Upload>>,
}

#[derive(Default)]
struct Upload {
    /// By their ETags: what the store calls them.
    parts: BTreeMap<String, PartId>,
    /// What the first completion was answered.
    answer: Option<String>,
}

impl Completing {
    /// Gives the parts in `multipart` and what they are made into these ETags.
    pub fn new(multipart: Arc<dyn MultipartStore>, tags: Tags) -> Arc<Self> {
        Arc::new(Self { multipart, tags, uploads: Mutex::default() })
    }

    /// A store in memory that passes for S3.
    pub fn in_memory(tags: Tags) -> Arc<Stores> {
        let memory = Arc::new(InMemory::new());
        let multipart = Arc::new(MemoryMultipart::new(Arc::clone(&memory)));
        Stores::with_store(memory, Self::new(multipart, tags), Scheme::S3)
    }

    fn tag_of_part(&self, data: &PutPayload) -> String {
        let mut md5 = Md5::new();
        if self.tags == Tags::Opaque {
            md5.update(b"sealed");
        }
        for piece in data {
            md5.update(piece);
        }
        hex::encode(md5.finalize())
    }

    fn tag_of_whole(&self, parts: &[PartId]) -> String {
        let digests = parts.iter().flat_map(|part| hex::decode(unquoted(&part.content_id)).unwrap_or_default());
        let whole = hex::encode(Md5::digest(digests.collect::<Vec<u8>>()));
        match self.tags {
            Tags::Md5 => format!("\"{whole}-{}\"", parts.len()),
            Tags::Opaque => format!("\"{whole}\""),
        }
    }
}

#[async_trait]
impl MultipartStore for Completing {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.multipart.create_multipart(path).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, index: usize, data: PutPayload) -> Result<PartId> {
        let content_id = self.tag_of_part(&data);
        let part = self.multipart.put_part(path, id, index, data).await?;
        self.uploads.lock().await.entry(id.clone()).or_default().parts.insert(content_id.clone(), part);
        Ok(PartId { content_id })
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        // Held until the store has answered, so that there is a first one.
        let mut uploads = self.uploads.lock().await;
        let upload = uploads.entry(id.clone()).or_default();
        if upload.answer.is_none() {
            let unknown = || Error::NotFound { path: path.to_string(), source: "no such part".into() };
            let known = |part: &PartId| upload.parts.get(unquoted(&part.content_id)).cloned().ok_or_else(unknown);
            let there = parts.iter().map(known).collect::<Result<_>>()?;
            self.multipart.complete_multipart(path, id, there).await?;
            upload.answer = Some(self.tag_of_whole(&parts));
        }
        Ok(PutResult { e_tag: upload.answer.clone(), version: None, extensions: http::Extensions::new() })
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.multipart.abort_multipart(path, id).await
    }
}
