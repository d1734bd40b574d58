//! Multipart uploads of a local store: each has a folder, each part a file of its own in it, so parts survive a crash
//! and a restart. Owns their completion and removal; parts themselves are written like objects (see `multipart`).
//! Invariant: parts are only read until the object is in its place, so a completion that fails can be tried again; an object
//! that is in its place stays, so of two completions one wins.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartId, ObjectStore, PutOptions, PutPayload, PutResult, Result};
use rustix::fs::{AtFlags, Mode, mkdirat, unlinkat};
use rustix::io::Errno;
use tracing::warn;

use super::root::{Root, names, split};
use super::write::{Publish, TempFile};
use super::{LocalStore, put_result};
use crate::paths;
use durable::sync_open_folder;

/// How often the removal of a folder is tried while parts are still being written into it.
const REMOVALS_MAX: usize = 5;

#[async_trait]
impl MultipartStore for LocalStore {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        let id = format!("{:032x}", rand::random::<u128>());
        let made = id.clone();
        self.run(path, move |root, _| create(root, &made)).await?;
        Ok(id)
    }

    async fn put_part(&self, _: &Path, id: &MultipartId, index: usize, data: PutPayload) -> Result<PartId> {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let content_id = paths::local_part_id(number, rand::random());
        let location = checked(paths::local_part(id, &content_id))?;
        self.put_opts(&location, data, PutOptions::default()).await?;
        Ok(PartId { content_id })
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        let locate = |part: PartId| checked(paths::local_part(id, &part.content_id));
        let parts = parts.into_iter().map(locate).collect::<Result<Vec<_>>>()?;
        let folder = checked(paths::local_upload(id))?;
        let e_tag = self.run(path, move |root, path| {
            let e_tag = join(root, &parts)?.publish(path.as_ref(), &Publish::Create)?;
            if let Err(error) = remove(root, &folder) {
                warn!(%folder, %error, "the parts of a completed upload couldn't be removed");
            }
            Ok(e_tag)
        });
        Ok(put_result(e_tag.await?))
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let folder = checked(paths::local_upload(id))?;
        self.run(path, move |root, _| remove(root, &folder)).await
    }
}

fn checked(path: std::result::Result<Path, crate::StorageError>) -> Result<Path> {
    path.map_err(|error| object_store::Error::NotFound { path: String::new(), source: error.into() })
}

fn create(root: &Root, id: &str) -> io::Result<()> {
    let location = paths::local_upload(id).map_err(io::Error::other)?;
    let (uploads, name) = split(location.as_ref())?;
    let uploads = root.open_folder(uploads)?;
    mkdirat(&uploads, name, Mode::from_raw_mode(0o750))?;
    sync_open_folder(&uploads)
}

/// Copies the parts after each other, in the kernel, into a temporary file.
fn join(root: &Arc<Root>, parts: &[Path]) -> io::Result<TempFile> {
    let whole = TempFile::create(root)?;
    for part in parts {
        whole.append(&root.open_file(part.as_ref())?)?;
    }
    Ok(whole)
}

/// Removes an upload's folder. A part that is just being written may appear in it once more.
fn remove(root: &Root, location: &Path) -> io::Result<()> {
    let (uploads, name) = split(location.as_ref())?;
    let folder = root.open_folder(location.as_ref())?;
    let uploads = root.open_folder(uploads)?;
    for attempt in 1.. {
        for part in names(&folder)? {
            match unlinkat(&folder, part, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match unlinkat(&uploads, name, AtFlags::REMOVEDIR) {
            Ok(()) => break,
            Err(Errno::NOTEMPTY) if attempt < REMOVALS_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
    sync_open_folder(&uploads)
}
