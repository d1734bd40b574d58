//! An object store in a folder of this machine: the embedded default. Owns what a local PUT promises: when it is
//! acknowledged, the bytes, the name and the folders on the way to it survive a power cut.
//!
//! `root` opens and makes folders, `write` turns a temporary file into an object, `read` streams, `list` walks, `parts`
//! keeps multipart uploads. Invariant: an object's file is never written in place; it appears whole, by link or rename.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path as FsPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use rustix::fs::AtFlags;

pub(crate) use self::list::Found;

use durable::sync_open_folder;

use self::failure::{STORE, blocking, failed};
use self::root::{Root, split};
use self::write::{Publish, TempFile};

mod failure;
mod list;
mod parts;
mod read;
mod root;
mod trace;
mod write;

#[cfg(test)]
mod tests;

/// How many deletions of one stream run at a time.
const DELETES_IN_FLIGHT_MAX: usize = 8;

/// The object store in a folder.
#[derive(Clone)]
pub(crate) struct LocalStore {
    root: Arc<Root>,
}

impl LocalStore {
    /// Opens a folder, and makes it if it isn't there. Removes what crashed processes left half-written in it.
    pub(crate) async fn open(folder: &FsPath) -> Result<Self> {
        let (folder, shown) = (folder.to_owned(), folder.display().to_string());
        let root = blocking(&shown, move || Root::open(&folder)).await?;
        Ok(Self { root: Arc::new(root) })
    }

    /// Opens a folder that is there, only to read it: nothing is made or swept in it.
    pub(crate) async fn open_read_only(folder: &FsPath) -> Result<Self> {
        let (folder, shown) = (folder.to_owned(), folder.display().to_string());
        let root = blocking(&shown, move || Root::open_read_only(&folder)).await?;
        Ok(Self { root: Arc::new(root) })
    }

    /// Lists the objects under a folder in order, those after `offset` only, and what can't be an object too.
    pub(crate) fn walk(&self, folder: &Path, offset: Option<&Path>) -> BoxStream<'static, Result<Found>> {
        list::walk(Arc::clone(&self.root), Some(folder), offset, list::NAMES_MAX)
    }

    /// Runs a step of system calls on a thread that may block; `location` is what an error names.
    async fn run<T: Send + 'static>(
        &self,
        location: &Path,
        step: impl FnOnce(&Arc<Root>, &Path) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (root, path) = (Arc::clone(&self.root), location.clone());
        blocking(location.as_ref(), move || step(&root, &path)).await
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalStore({})", self.root.shown().display())
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalStore({})", self.root.shown().display())
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let publish = publish_mode(options.mode)?;
        let e_tag = self.run(location, move |root, location| {
            let file = TempFile::create(root)?;
            let mut at = 0;
            for piece in payload {
                file.write_at(&piece, at)?;
                at += piece.len() as u64;
            }
            file.publish(location.as_ref(), &publish)
        });
        Ok(put_result(e_tag.await?))
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let file = self.run(location, |root, _| TempFile::create(root)).await?;
        Ok(Box::new(LocalUpload::new(location.clone(), file)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        read::get(&self.root, location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let deletions = locations.map(move |location| {
            let store = store.clone();
            async move {
                let location = location?;
                store.run(&location, |root, location| delete(root, location.as_ref())).await?;
                Ok(location)
            }
        });
        deletions.buffered(DELETES_IN_FLIGHT_MAX).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        list::objects(Arc::clone(&self.root), prefix, None)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        list::objects(Arc::clone(&self.root), prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = prefix.cloned().unwrap_or_default();
        self.run(&folder, |root, folder| list::one_level(root, folder)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let publish = match options.mode {
            CopyMode::Create => Publish::Create,
            CopyMode::Overwrite => Publish::Overwrite,
        };
        let to = to.clone();
        self.run(from, move |root, from| {
            let source = root.open_file(from.as_ref())?;
            let file = TempFile::create(root)?;
            file.append(&source)?;
            file.publish(to.as_ref(), &publish)
        })
        .await?;
        Ok(())
    }
}

fn publish_mode(mode: PutMode) -> Result<Publish> {
    match mode {
        PutMode::Overwrite => Ok(Publish::Overwrite),
        PutMode::Create => Ok(Publish::Create),
        PutMode::Update(version) => match version.e_tag {
            Some(e_tag) => Ok(Publish::Update(e_tag)),
            None => Err(Error::Generic { store: STORE, source: "an update needs an ETag".into() }),
        },
    }
}

fn put_result(e_tag: String) -> PutResult {
    PutResult { e_tag: Some(e_tag), version: None, extensions: Default::default() }
}

fn delete(root: &Root, location: &str) -> std::io::Result<()> {
    let (folder, name) = split(location)?;
    let folder: OwnedFd = root.open_folder(folder)?;
    rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
    sync_open_folder(&folder)
}

/// A body that arrives in pieces, on its way into a temporary file.
#[derive(Debug)]
struct LocalUpload {
    location: Path,
    file: Option<Arc<TempFile>>,
    /// Where the next piece goes.
    end: u64,
    /// How much has been written; less than `end` when a piece failed.
    written: Arc<AtomicU64>,
}

impl LocalUpload {
    fn new(location: Path, file: TempFile) -> Self {
        Self { location, file: Some(Arc::new(file)), end: 0, written: Arc::default() }
    }
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (file, location, mut at) = (self.file.clone(), self.location.clone(), self.end);
        let written = Arc::clone(&self.written);
        self.end += data.content_length() as u64;
        Box::pin(async move {
            let file = file.ok_or_else(|| ended(&location))?;
            blocking(location.as_ref(), move || {
                for piece in data {
                    file.write_at(&piece, at)?;
                    at += piece.len() as u64;
                    written.fetch_add(piece.len() as u64, AcqRel);
                }
                Ok(())
            })
            .await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let file = self.file.take().and_then(Arc::into_inner).ok_or_else(|| ended(&self.location))?;
        if self.written.load(Acquire) != self.end {
            return Err(ended(&self.location));
        }
        let location = self.location.clone();
        let publish = move || file.publish(location.as_ref(), &Publish::Overwrite);
        Ok(put_result(blocking(self.location.as_ref(), publish).await?))
    }

    async fn abort(&mut self) -> Result<()> {
        let file = self.file.take();
        blocking(self.location.as_ref(), move || {
            drop(file);
            Ok(())
        })
        .await
    }
}

fn ended(location: &Path) -> Error {
    failed(location.as_ref(), std::io::Error::other("the upload has failed or ended"))
}

/// A stream of what is in memory already.
fn at_once(bytes: Bytes) -> BoxStream<'static, Result<Bytes>> {
    if bytes.is_empty() { stream::empty().boxed() } else { stream::iter([Ok(bytes)]).boxed() }
}
