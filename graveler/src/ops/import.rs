//! Builds a commit of objects that lie in an object store already, from their listing in order. Owns that nothing is
//! staged on the way: ranges are written as the listing comes, at once over a commit, or step by step into a tree that
//! has the imported objects alone and is laid over a commit in the end. Leaves to its caller where the listing comes from
//! (an object store, or nothing real, as in benchmarks), when a step ends, and to publish the commit.
//! Invariants: memory doesn't grow with the listing; the tree depends on the listing alone, not on where steps ended.

use futures::stream::{BoxStream, StreamExt};
use model::{CommitId, Entry, MetaRangeId, ObjectPath, Repository};

use super::commit::{Built, CommitInfo, store_commit};
use super::merge::{MergeOptions, Merged, ThreeWay};
use super::virtual_base::Base;
use crate::boxed;
use crate::graveler::Work;
use crate::history::read_commit;
use crate::tree::apply::{Changes, TreeChange, apply};
use crate::tree::builder::TreeBuilder;
use crate::tree::record::encode_entry;
use crate::tree::write::write;
use crate::{Error, Graveler, Progress, Strategy};

/// Objects in the order of their paths' bytes, each path once. The entries' addresses are theirs to keep: nothing is
/// copied.
pub type ImportListing = BoxStream<'static, Result<(ObjectPath, Entry), Error>>;

/// How often a step asks whether it did enough.
const ASK_EVERY_OBJECTS: u64 = 256;

/// What is imported and stored: where another step, or another run of the import, goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportCheckpoint {
    /// The tree of what is imported; `None` is the empty one.
    pub tree: Option<MetaRangeId>,
    /// The last path in it.
    pub last: Option<ObjectPath>,
    /// How many objects it has.
    pub objects: u64,
}

/// What came of a step.
pub struct ImportStep {
    /// What is imported now.
    pub checkpoint: ImportCheckpoint,
    /// What is left of the listing; `None` if all of it was taken.
    pub rest: Option<ImportListing>,
}

impl Graveler {
    /// Builds a commit that has all of a base commit and the objects of a listing over it, in one walk over both: an object
    /// of the listing replaces one of the same path, and whatever the listing doesn't have stays.
    ///
    /// Fails with [`Error::NoChanges`] when the base holds all of it already, unless an empty commit is allowed; with
    /// [`Error::Invalid`] when the listing isn't in order.
    #[boxed]
    pub async fn build_import(
        &self,
        repository: &Repository,
        base: &CommitId,
        listing: ImportListing,
        info: &CommitInfo,
        progress: &Progress,
    ) -> Result<Built, Error> {
        let files = self.files(repository)?.counting(progress);
        let (base, info, options) = (*base, info.clone(), self.inner.options.clone());
        let mut listed = Listed::new(listing, None, |_| false, progress);
        self.heavy(Work::Import, async move || {
            let parent = read_commit(&files, base).await?;
            let written = write(&files, &options, parent.metarange, &mut listed).await?;
            if written.changed == 0 && !info.allow_empty {
                return Err(Error::NoChanges);
            }
            store_commit(&files, info, written.root, vec![base], parent.generation, written.changed).await
        })
        .await
    }

    /// Adds objects from a listing to what is imported already, until `is_enough` says so of the number of objects in this
    /// step. All of the listing lies after the checkpoint's last path.
    ///
    /// Nothing refers to what this writes but the checkpoint that it returns. Fails with [`Error::Invalid`] when the
    /// listing isn't in order.
    #[boxed]
    pub async fn import_step(
        &self,
        repository: &Repository,
        from: ImportCheckpoint,
        listing: ImportListing,
        is_enough: impl FnMut(u64) -> bool + Send + 'static,
        progress: &Progress,
    ) -> Result<ImportStep, Error> {
        let files = self.files(repository)?.counting(progress);
        let options = self.inner.options.clone();
        let mut listed = Listed::new(listing, from.last.clone(), is_enough, progress);
        self.heavy(Work::Import, async move || {
            let mut builder = TreeBuilder::new(&files, &options);
            apply(&files, from.tree, &mut listed, &mut builder).await?;
            let tree = if listed.taken == 0 { from.tree } else { builder.finish().await? };
            // Empty, and so no path, if there was none.
            let last = ObjectPath::try_from(listed.last).ok();
            let checkpoint = ImportCheckpoint { tree, last, objects: from.objects + listed.taken };
            Ok(ImportStep { checkpoint, rest: listed.listing })
        })
        .await
    }

    /// Builds a commit that has all of another commit and what was imported over it: an imported object takes the place of
    /// one at the same path, and whatever else the other commit has stays. Ranges that only one of them has are taken over
    /// unread.
    ///
    /// Fails with [`Error::NoChanges`] when the commit has all of it already, unless an empty commit is allowed.
    #[boxed]
    pub async fn build_imported(
        &self,
        repository: &Repository,
        over: &CommitId,
        imported: &ImportCheckpoint,
        info: &CommitInfo,
    ) -> Result<Built, Error> {
        let files = self.files(repository)?;
        let parent = read_commit(&files, *over).await?;
        if parent.metarange.is_none() && imported.tree.is_some() {
            let generation = parent.generation;
            return store_commit(&files, info.clone(), imported.tree, vec![*over], generation, imported.objects).await;
        }
        // Over an empty base each side's objects are all its own, and where both have one it is the imported.
        let sides = ThreeWay { base: Base::Tree(None), source: imported.tree, destination: parent.metarange };
        let options = MergeOptions { strategy: Some(Strategy::SourceWins), ..MergeOptions::default() };
        match self.three_way(files, sides, vec![*over], &options, info).await? {
            Merged::Clean(built) => Ok(built),
            Merged::UpToDate => Err(Error::NoChanges),
            other => Err(Error::Internal(format!("an import came to {other:?}"))),
        }
    }
}

/// A listing as changes of a tree.
struct Listed<F> {
    /// Gone once it ended.
    listing: Option<ImportListing>,
    /// The path before; no path is as small as the empty one.
    last: String,
    taken: u64,
    is_enough: F,
    progress: Progress,
}

impl<F: FnMut(u64) -> bool + Send> Listed<F> {
    fn new(listing: ImportListing, last: Option<ObjectPath>, is_enough: F, progress: &Progress) -> Self {
        let last = last.map(String::from).unwrap_or_default();
        Self { listing: Some(listing), last, taken: 0, is_enough, progress: progress.clone() }
    }

    async fn next(&mut self) -> Result<Option<(ObjectPath, Entry)>, Error> {
        let Some(listing) = &mut self.listing else { return Ok(None) };
        if self.taken.is_multiple_of(ASK_EVERY_OBJECTS) && (self.is_enough)(self.taken) {
            return Ok(None);
        }
        let next = listing.next().await.transpose()?;
        if next.is_none() {
            self.listing = None;
        }
        Ok(next)
    }
}

impl<F: FnMut(u64) -> bool + Send> Changes for Listed<F> {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        let Some((path, entry)) = self.next().await? else { return Ok(None) };
        let path = String::from(path);
        if self.last >= path {
            let why = format!("the listing has {path:?} behind {:?}: it isn't in order", self.last);
            return Err(Error::Invalid(why));
        }
        self.last.clone_from(&path);
        self.taken += 1;
        self.progress.add_objects(1);
        Ok(Some(TreeChange { key: path.into(), value: Some(encode_entry(entry)) }))
    }
}
