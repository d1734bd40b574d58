//! Builds a commit of objects that lie in an object store already, from their listing in order. Owns that nothing is
//! staged on the way: ranges are written as the listing comes. Leaves to its caller where the listing comes from (an
//! object store, or nothing real, as in benchmarks) and to publish the commit.
//! Invariant: memory doesn't grow with the listing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use model::{CommitId, Entry, ObjectPath, Repository};

use super::commit::{Built, CommitInfo, store_commit};
use crate::graveler::Work;
use crate::history::read_commit;
use crate::tree::apply::{Changes, TreeChange, apply};
use crate::tree::builder::TreeBuilder;
use crate::tree::record::encode_entry;
use crate::{Error, Graveler};

/// Objects in the order of their paths' bytes, each path once. The entries' addresses are theirs to keep: nothing is
/// copied.
pub type ImportListing = BoxStream<'static, Result<(ObjectPath, Entry), Error>>;

/// How far an import is. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct ImportProgress {
    objects: Arc<AtomicU64>,
}

impl ImportProgress {
    /// Objects taken so far.
    pub fn objects(&self) -> u64 {
        self.objects.load(Relaxed)
    }
}

impl Graveler {
    /// Builds a commit that has all of a base commit and the objects of a listing over it: an object of the listing
    /// replaces one of the same path, and whatever the listing doesn't have stays.
    ///
    /// An import that is cut off leaves ranges that nothing refers to, and the next writes the same ranges again: it can
    /// be begun anew without harm. Fails with [`Error::NoChanges`] when the base holds all of it already, unless an
    /// empty commit is allowed; with [`Error::Invalid`] when the listing isn't in order.
    pub async fn build_import(
        &self,
        repository: &Repository,
        base: &CommitId,
        listing: ImportListing,
        info: &CommitInfo,
        progress: &ImportProgress,
    ) -> Result<Built, Error> {
        let files = self.files(repository)?;
        let (base, info, options) = (*base, info.clone(), self.inner.options.clone());
        let mut listed = Listed { listing, last: None, progress: progress.clone() };
        self.heavy(Work::Build, async move || {
            let parent = read_commit(&files, base).await?;
            let mut builder = TreeBuilder::new(&files, &options);
            let changed = apply(&files, parent.metarange, &mut listed, &mut builder).await?;
            if changed == 0 && !info.allow_empty {
                return Err(Error::NoChanges);
            }
            let metarange = if changed == 0 { parent.metarange } else { builder.finish().await? };
            store_commit(&files, info, metarange, vec![base], parent.generation, changed).await
        })
        .await
    }
}

/// A listing as changes of a tree.
struct Listed {
    listing: ImportListing,
    last: Option<Bytes>,
    progress: ImportProgress,
}

impl Changes for Listed {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        let Some((path, entry)) = self.listing.next().await.transpose()? else { return Ok(None) };
        let key = Bytes::from(String::from(path));
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            let text = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
            let last = self.last.as_ref().map(text).unwrap_or_default();
            return Err(Error::Invalid(format!("the listing has {:?} behind {last:?}: it isn't in order", text(&key))));
        }
        self.last = Some(key.clone());
        self.progress.objects.fetch_add(1, Relaxed);
        Ok(Some(TreeChange { key, value: Some(encode_entry(&entry)) }))
    }
}
