//! Lists a folder of a store in parts, several at a time and ahead of their reader, as one stream in the order of keys.
//! Owns how a folder falls into parts: a level is read page by page, and each folder on it is a part of its own, for all
//! its keys lie between those of its neighbours.
//! Invariant: no more than [`ITEMS_AHEAD_MAX`] items wait for their reader, however large the listing is.

use std::future::ready;
use std::sync::{Arc, OnceLock};

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt};
use tokio::sync::mpsc;

use super::{ListGauge, Source, SourceItem, any_keys, key_of, prefix_of};
use crate::StorageError;
use crate::local::{Found, LocalStore};
use crate::sources::Listing;

/// How many items a batch has at most.
const BATCH_ITEMS_MAX: usize = 256;
/// How many parts are listed at a time.
const PARTS_MAX: usize = 32;
/// How many batches of a part wait: one in the queue, one that its lister wants to put there, one that is handed over.
const BATCHES_MAX: usize = 3;
/// The most items that wait for the reader.
pub(super) const ITEMS_AHEAD_MAX: usize = BATCH_ITEMS_MAX * BATCHES_MAX * PARTS_MAX;
/// How deep folders are gone into before their objects are listed, where there are few.
const DEPTH_MAX: usize = 6;
/// How many of a part's objects are looked at at a time: empty ones, whether they are markers of folders, and those that a
/// store lists without an ETag.
const LOOKS_MAX: usize = 16;

type Batch = Result<Vec<SourceItem>, StorageError>;

/// Something that is listed by itself. Parts follow each other in the order of keys.
enum Part {
    /// Objects that are known already.
    Ready(Vec<ObjectMeta>),
    /// An object with bytes whose key is a folder's, with a slash after it.
    Slashed(Path),
    /// All under a folder.
    Folder(Path),
    /// A folder with too many items for one page: the first page.
    Level(Path, Vec<Self>, Next),
    /// All that begins so, after what is listed already: a folder in which `object_store` can't list a key, or that it
    /// can't name.
    AnyKeys(String, String),
}

/// Where the next page of a folder begins.
struct Next {
    token: String,
    /// The last location before.
    after: String,
}

/// What is on one level of a folder.
enum Item {
    Object(ObjectMeta),
    Folder(Path),
}

/// Lists all under a source's folder; only what is after the location `after` if there is one.
pub(super) fn list(source: Source, after: Option<String>, gauge: ListGauge) -> BoxStream<'static, Batch> {
    let lister = Lister { source, after, gauge };
    match &lister.source.site.listing {
        Listing::Paged(pages) => {
            let pages = Arc::clone(pages);
            lister.side_by_side(pages)
        }
        Listing::Local(_) | Listing::Stream => {
            let received = lister.start(lister.whole());
            lister.taken(received)
        }
    }
}

#[derive(Clone)]
struct Lister {
    source: Source,
    after: Option<String>,
    gauge: ListGauge,
}

impl Lister {
    /// The whole folder.
    fn whole(&self) -> Part {
        match self.source.path() {
            Some(folder) => Part::Folder(folder),
            None => Part::AnyKeys(self.source.key.clone(), String::new()),
        }
    }

    /// Lists part by part, [`PARTS_MAX`] at a time.
    fn side_by_side(self, pages: Arc<dyn PaginatedListStore>) -> BoxStream<'static, Batch> {
        let (starter, taker) = (self.clone(), self.clone());
        let planned = async move {
            let parts = self.plan(&*pages).await?;
            Ok::<_, StorageError>(self.unfolded(parts, pages))
        };
        stream::once(planned)
            .try_flatten()
            .map(move |part| ready(part.map(|part| starter.start(part))))
            .buffered(PARTS_MAX)
            .flat_map(move |part| match part {
                Ok(received) => taker.taken(received),
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    /// Goes into folders until there are enough to be listed side by side.
    async fn plan(&self, pages: &dyn PaginatedListStore) -> Result<Vec<Part>, StorageError> {
        let mut parts = vec![self.whole()];
        for _ in 0..DEPTH_MAX {
            let folders = parts.iter().filter(|part| matches!(part, Part::Folder(_))).count();
            if folders == 0 || folders >= PARTS_MAX {
                break;
            }
            let opened = parts.into_iter().map(async |part| match part {
                Part::Folder(folder) => self.open(pages, folder).await,
                known => Ok(vec![known]),
            });
            parts = stream::iter(opened).buffered(PARTS_MAX).try_concat().await?;
        }
        Ok(parts)
    }

    /// Reads a folder's first page.
    async fn open(&self, pages: &dyn PaginatedListStore, folder: Path) -> Result<Vec<Part>, StorageError> {
        match self.page(pages, &folder, None).await? {
            (parts, None) => Ok(parts),
            (parts, Some(next)) => Ok(vec![Part::Level(folder, parts, next)]),
        }
    }

    /// Reads a page of a folder's objects and folders; says where the next begins.
    async fn page(
        &self,
        pages: &dyn PaginatedListStore,
        folder: &Path,
        next: Option<Next>,
    ) -> Result<(Vec<Part>, Option<Next>), StorageError> {
        let (page_token, before) = next.map(|next| (next.token, next.after)).unzip();
        let prefix = prefix_of(folder);
        let options = PaginatedListOptions { delimiter: Some("/".into()), page_token, ..Default::default() };
        let listed = match pages.list_paginated(Some(&prefix), options).await {
            Err(StoreError::InvalidPath { .. }) if self.source.site.has_any_keys() => {
                return Ok((vec![Part::AnyKeys(prefix, before.unwrap_or_default())], None));
            }
            listed => listed.map_err(|e| self.failure(e, &self.source.site.url(&prefix)))?,
        };
        // A slash alone is parsed as the root, in which it lies.
        if listed.result.common_prefixes.contains(folder) && self.source.site.has_any_keys() {
            return Ok((vec![Part::AnyKeys(prefix, before.unwrap_or_default())], None));
        }
        let folders = listed.result.common_prefixes.into_iter();
        let mut items: Vec<(String, Item)> = folders.map(|path| (format!("{path}/"), Item::Folder(path))).collect();
        // A folder's own marker is listed as an object with the folder's name; it comes before all in the folder.
        let objects = listed.result.objects.into_iter().filter(|meta| meta.size > 0 || meta.location != *folder);
        items.extend(objects.map(|meta| (meta.location.to_string(), Item::Object(meta))));
        items.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let after = items.last().map(|(location, _)| location.clone()).or(before).unwrap_or_default();
        let mut parts = Vec::new();
        for (location, item) in items {
            match (item, parts.last_mut()) {
                (Item::Object(meta), _) if meta.location == *folder => parts.push(Part::Slashed(meta.location)),
                (Item::Object(meta), Some(Part::Ready(known))) => known.push(meta),
                (Item::Object(meta), _) => parts.push(Part::Ready(vec![meta])),
                (Item::Folder(path), _) if self.may_hold_wanted(&location) => parts.push(Part::Folder(path)),
                (Item::Folder(_), _) => {}
            }
        }
        Ok((parts, listed.page_token.map(|token| Next { token, after })))
    }

    /// The parts, with further pages of large levels read as they are reached.
    fn unfolded(
        self,
        parts: Vec<Part>,
        pages: Arc<dyn PaginatedListStore>,
    ) -> impl futures::Stream<Item = Result<Part, StorageError>> + Send + 'static {
        stream::iter(parts).flat_map(move |part| match part {
            Part::Level(folder, first, next) => {
                let (lister, pages) = (self.clone(), Arc::clone(&pages));
                let rest = stream::try_unfold(Some(next), move |next| {
                    let (lister, pages, folder) = (lister.clone(), Arc::clone(&pages), folder.clone());
                    async move {
                        let Some(next) = next else { return Ok(None) };
                        let (parts, next) = lister.page(&*pages, &folder, Some(next)).await?;
                        Ok(Some((stream::iter(parts.into_iter().map(Ok)), next)))
                    }
                });
                stream::iter(first.into_iter().map(Ok)).chain(rest.try_flatten()).boxed()
            }
            part => stream::iter([Ok(part)]).boxed(),
        })
    }

    /// Begins to list a part, on a task that ends when its reader is gone.
    fn start(&self, part: Part) -> mpsc::Receiver<Batch> {
        let (sender, receiver) = mpsc::channel(1);
        let lister = self.clone();
        tokio::spawn(async move {
            let mut batches = lister.batches(part);
            while let Some(batch) = batches.next().await {
                let items = batch.as_ref().map_or(0, Vec::len);
                lister.gauge.put(items);
                if sender.send(batch).await.is_err() {
                    lister.gauge.take(items);
                    break;
                }
            }
        });
        receiver
    }

    /// What a part's task sends, counted as taken.
    fn taken(&self, received: mpsc::Receiver<Batch>) -> BoxStream<'static, Batch> {
        let gauge = self.gauge.clone();
        let batches = stream::unfold(received, |mut received| async move {
            let batch = received.recv().await?;
            Some((batch, received))
        });
        batches.inspect(move |batch| gauge.take(batch.as_ref().map_or(0, Vec::len))).boxed()
    }

    /// Lists a part, in batches.
    fn batches(&self, part: Part) -> BoxStream<'static, Batch> {
        let items = match (part, &self.source.site.listing) {
            (Part::Slashed(path), _) => stream::iter(self.slashed(&path).map(Ok)).boxed(),
            (Part::Ready(objects), _) => self.objects(stream::iter(objects.into_iter().map(Ok)).boxed(), None),
            (Part::Folder(folder), Listing::Local(local)) => self.walk(local, &folder),
            (Part::Folder(folder) | Part::Level(folder, ..), _) => {
                let store = &self.source.site.store;
                let listed = match self.offset().filter(|offset| offset.as_ref() > folder.as_ref()) {
                    None => store.list(Some(&folder)),
                    Some(offset) => store.list_with_offset(Some(&folder), &offset),
                };
                self.remote(listed, folder)
            }
            (Part::AnyKeys(prefix, after), _) => self.any_keys(prefix, after),
        };
        items.try_ready_chunks(BATCH_ITEMS_MAX).map(|batch| batch.map_err(|error| error.1)).boxed()
    }

    /// Objects that a remote store lists; from the first key on that `object_store` refuses, by a listing of any keys.
    fn remote(
        &self,
        listed: BoxStream<'static, object_store::Result<ObjectMeta>>,
        folder: Path,
    ) -> BoxStream<'static, Result<SourceItem, StorageError>> {
        if !self.source.site.has_any_keys() {
            return self.objects(listed, Some(folder));
        }
        let stopped = Arc::new(OnceLock::new());
        let (told, lister, prefix) = (Arc::clone(&stopped), self.clone(), prefix_of(&folder));
        let listed = stream::try_unfold((listed, String::new()), move |(mut listed, last)| {
            let told = Arc::clone(&told);
            async move {
                match listed.try_next().await {
                    Ok(Some(meta)) => {
                        let last = last.max(meta.location.to_string());
                        Ok(Some((meta, (listed, last))))
                    }
                    Err(StoreError::InvalidPath { .. }) => {
                        told.set(last).expect("because a listing stops once");
                        Ok(None)
                    }
                    Ok(None) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        });
        let rest = stream::once(async move {
            match stopped.get() {
                Some(last) => lister.any_keys(prefix, last.clone()),
                None => stream::empty().boxed(),
            }
        });
        self.objects(listed.boxed(), Some(folder)).chain(rest.flatten()).boxed()
    }

    /// Objects with any keys, after a location.
    fn any_keys(&self, prefix: String, listed: String) -> BoxStream<'static, Result<SourceItem, StorageError>> {
        let after = self.after.clone().filter(|after| *after > listed).unwrap_or(listed);
        self.found(any_keys::list(&self.source.site, prefix, after))
    }

    /// What is said of an object whose key ends with a slash: the store can't be asked for it.
    fn slashed(&self, path: &Path) -> Option<SourceItem> {
        let location = format!("{path}/");
        self.is_wanted(&location).then(|| self.source.unusable(&location, "its key ends with a slash"))
    }

    /// Objects that a remote store lists. One whose key ends with a slash has lost it in its name: it comes out of order
    /// then, or isn't there under that name. An empty one is the marker of a folder.
    fn objects(
        &self,
        listed: BoxStream<'static, object_store::Result<ObjectMeta>>,
        folder: Option<Path>,
    ) -> BoxStream<'static, Result<SourceItem, StorageError>> {
        let (lister, failing) = (self.clone(), self.clone());
        let prefix = folder.map_or_else(|| self.source.key.clone(), |folder| prefix_of(&folder));
        let (shown, mut last) = (self.source.site.url(&prefix), String::new());
        listed
            .map_err(move |error| failing.failure(error, &shown))
            .try_filter_map(move |meta| {
                let location = meta.location.as_ref();
                let is_behind = location > last.as_str();
                let is_plain = key_of(&prefix, location).is_some() && (is_behind || !last.starts_with(location));
                if is_behind && is_plain {
                    location.clone_into(&mut last);
                }
                let is_listed = meta.size > 0 || (is_plain && is_behind);
                ready(Ok(is_listed.then_some((meta, is_plain))))
            })
            .map_ok(move |(meta, is_plain)| lister.clone().looked(meta, is_plain))
            .try_buffered(LOOKS_MAX)
            .try_filter_map(|item| ready(Ok(item)))
            .boxed()
    }

    async fn looked(self, meta: ObjectMeta, is_plain: bool) -> Result<Option<SourceItem>, StorageError> {
        if !is_plain {
            return Ok(self.slashed(&meta.location));
        }
        if !self.is_wanted(meta.location.as_ref()) {
            return Ok(None);
        }
        let doubtful = meta.size == 0 || meta.e_tag.is_none();
        if !doubtful || !matches!(self.source.site.listing, Listing::Paged(_)) {
            return Ok(self.source.item(&meta));
        }
        match self.source.site.store.head(&meta.location).await {
            Ok(looked) => Ok(self.source.item(&looked)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure(error, &self.source.site.url(meta.location.as_ref()))),
        }
    }

    /// What lies in a folder of this machine.
    fn walk(&self, local: &LocalStore, folder: &Path) -> BoxStream<'static, Result<SourceItem, StorageError>> {
        let (failing, shown) = (self.clone(), self.source.site.url(&prefix_of(folder)));
        let found = local.walk(folder, self.offset().as_ref());
        self.found(found.map_err(move |error| failing.failure(error, &shown)).boxed())
    }

    /// What is wanted of what was found under its own name.
    fn found(
        &self,
        found: BoxStream<'static, Result<Found, StorageError>>,
    ) -> BoxStream<'static, Result<SourceItem, StorageError>> {
        let lister = self.clone();
        let item = move |found| match found {
            Found::Object(meta) if lister.is_wanted(meta.location.as_ref()) => lister.source.item(&meta),
            Found::Unusable { location, why } if lister.is_wanted(&location) => {
                Some(lister.source.unusable(&location, why))
            }
            Found::Object(_) | Found::Unusable { .. } => None,
        };
        found.try_filter_map(move |found| ready(Ok(item(found)))).boxed()
    }

    /// Where to go on after, as stores take it. What they list besides is passed over.
    fn offset(&self) -> Option<Path> {
        let after = self.after.as_ref()?;
        Path::parse(after).ok().filter(|path| path.as_ref() == after)
    }

    fn is_wanted(&self, location: &str) -> bool {
        self.after.as_deref().is_none_or(|after| location > after)
    }

    /// Whether a folder, whose location ends with a slash, may hold what is wanted.
    fn may_hold_wanted(&self, folder: &str) -> bool {
        self.after.as_deref().is_none_or(|after| folder > after || after.starts_with(folder))
    }

    /// Says of a listing that failed what can be done.
    fn failure(&self, error: StoreError, url: &str) -> StorageError {
        match error {
            StoreError::InvalidPath { source } => StorageError::Invalid(format!(
                "{url} has a key that can't be listed ({source}): rename that object, or import the folders beside it"
            )),
            other => match StorageError::from_store(other, url) {
                StorageError::NotFound { .. } => {
                    StorageError::NoSource(format!("{url} not found: name a bucket and folder that are there"))
                }
                other => other,
            },
        }
    }
}
