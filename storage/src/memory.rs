//! Multipart uploads of the object store in memory. `object_store`'s own completes with whatever was uploaded under
//! each number; ours completes with the parts that are named. Invariant: a completed upload has no parts left, and an object
//! that is in its place stays, so of two completions one wins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartId, ObjectStore, PutMode, PutPayload, PutResult, Result};

type Parts = HashMap<String, PutPayload>;

/// Uploads under way over a store in memory.
#[derive(Debug)]
pub(crate) struct MemoryMultipart {
    store: Arc<InMemory>,
    uploads: Mutex<HashMap<String, Parts>>,
}

impl MemoryMultipart {
    pub(crate) fn new(store: Arc<InMemory>) -> Self {
        Self { store, uploads: Mutex::default() }
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<String, Parts>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone(path: &Path, what: &str) -> Error {
    Error::NotFound { path: path.to_string(), source: what.into() }
}

#[async_trait]
impl MultipartStore for MemoryMultipart {
    async fn create_multipart(&self, _path: &Path) -> Result<MultipartId> {
        let id = format!("{:032x}", rand::random::<u128>());
        self.uploads().insert(id.clone(), Parts::new());
        Ok(id)
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, _index: usize, data: PutPayload) -> Result<PartId> {
        let content_id = format!("{:032x}", rand::random::<u128>());
        let mut uploads = self.uploads();
        let parts = uploads.get_mut(id).ok_or_else(|| gone(path, "no such upload"))?;
        parts.insert(content_id.clone(), data);
        Ok(PartId { content_id })
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        let whole: PutPayload = {
            let uploads = self.uploads();
            let there = uploads.get(id).ok_or_else(|| gone(path, "no such upload"))?;
            let part = |id: &PartId| there.get(&id.content_id).ok_or_else(|| gone(path, "no such part"));
            let found = parts.iter().map(part).collect::<Result<Vec<_>>>()?;
            found.into_iter().flatten().cloned().collect()
        };
        let put = self.store.put_opts(path, whole, PutMode::Create.into()).await?;
        self.uploads().remove(id);
        Ok(put)
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.uploads().remove(id).map(|_| ()).ok_or_else(|| gone(path, "no such upload"))
    }
}
