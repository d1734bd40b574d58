//! A place that objects are imported from: a folder of a store, or one object. Owns what of it is an object, and how
//! that is called; `parts` lists it in parallel and `sources` says whether it may be read at all.
//! Invariants: a listing comes in the order of its keys' bytes; memory doesn't grow with it; every object that it names
//! can be read at the address that it has there.

mod any_keys;
mod parts;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures::stream::BoxStream;
use model::Timestamp;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use crate::sources::{Site, as_folder};
use crate::{StorageError, Stores};

/// An open place.
#[derive(Clone)]
pub struct Source {
    site: Site,
    /// What the keys in the folder begin with: nothing, or a text that ends with a slash. Or the object's key.
    key: String,
}

/// What a listing finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceItem {
    /// An object.
    Object(SourceObject),
    /// Something that can't be imported.
    Unusable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
}

/// An object of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceObject {
    /// Its name after the source's folder.
    pub key: String,
    /// Where it lies, as a URL.
    pub url: String,
    /// Bytes.
    pub size: u64,
    /// Its ETag, without quotes.
    pub e_tag: String,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// How many items are listed and not taken yet. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct ListGauge(Arc<Gauge>);

#[derive(Debug, Default)]
struct Gauge {
    now: AtomicU64,
    peak: AtomicU64,
}

impl ListGauge {
    /// The most that ever waited at a time.
    pub fn peak(&self) -> u64 {
        self.0.peak.load(Relaxed)
    }

    fn put(&self, items: usize) {
        let now = self.0.now.fetch_add(items as u64, Relaxed) + items as u64;
        self.0.peak.fetch_max(now, Relaxed);
    }

    fn take(&self, items: usize) {
        self.0.now.fetch_sub(items as u64, Relaxed);
    }
}

impl Stores {
    /// Opens a folder to import from: of this store (`s3://bucket/prefix/…`, `local://…`), or of a source that the operator
    /// allows. Its URL is taken exactly, but for one slash at its end that may be left out: in a bucket `w//` is another
    /// folder than `w/`. Whether anything is there shows when it is asked.
    pub async fn source(&self, url: &str) -> Result<Source, StorageError> {
        let opened = self.folder(&as_folder(url)).await;
        let (site, key) = opened.map_err(|error| match error {
            StorageError::NotFound { path } => {
                StorageError::NoSource(format!("{path} not found: name a folder that is there"))
            }
            other => other,
        })?;
        Ok(Source { site, key })
    }

    /// Opens one object to import, in the same places.
    pub async fn source_object(&self, url: &str) -> Result<Source, StorageError> {
        let (site, path) = self.site(url).await?;
        Ok(Source { site, key: path.into() })
    }
}

impl Source {
    /// The most items that a listing holds before they are taken.
    pub const ITEMS_AHEAD_MAX: usize = parts::ITEMS_AHEAD_MAX;

    /// Where it is.
    pub fn url(&self) -> String {
        self.site.url(&self.key)
    }

    /// Lists all objects under the folder in the order of their keys, in batches; only those after a key if one is
    /// given. Markers of folders (empty objects whose name ends with a slash) are no objects.
    pub fn list(
        &self,
        after: Option<&str>,
        gauge: &ListGauge,
    ) -> BoxStream<'static, Result<Vec<SourceItem>, StorageError>> {
        let (source, after) = (self.clone(), after.map(|key| format!("{}{key}", self.key)));
        parts::list(source, after, gauge.clone())
    }

    /// Finds the object that a folder's name is of without the slash at its end, where the folder isn't there.
    pub async fn object_of_its_name(&self) -> Option<SourceObject> {
        let key = self.key.strip_suffix('/').filter(|key| self.site.refusal(key).is_none())?;
        Self { site: self.site.clone(), key: key.to_owned() }.object().await.ok()
    }

    /// Looks at the object.
    pub async fn object(&self) -> Result<SourceObject, StorageError> {
        let url = self.url();
        let no_object = || StorageError::Invalid(format!("{url} is a folder: name an object"));
        let path = path_of_any_key(&self.key).filter(|_| !self.key.ends_with('/')).ok_or_else(no_object)?;
        let looked = self.site.store.head(&path).await;
        let meta = looked.map_err(|e| match self.site.error(e, &path) {
            StorageError::NotFound { .. } => StorageError::NoSource(format!(
                "{url} not found: name an object that is there, in a bucket that is there, or a folder with a slash behind it"
            )),
            other => other,
        })?;
        let key = path.filename().unwrap_or_default().to_owned();
        Ok(self.described(key, &meta))
    }

    /// What an object of the store is here; none if it lies outside the folder.
    fn item(&self, meta: &ObjectMeta) -> Option<SourceItem> {
        let location = meta.location.as_ref();
        let key = key_of(&self.key, location)?;
        Some(match self.site.refusal(location) {
            Some(why) => self.unusable(location, why),
            None => SourceItem::Object(self.described(key.to_owned(), meta)),
        })
    }

    /// The folder as `object_store` lists it; none if it can't, for a part of its name is empty.
    fn path(&self) -> Option<Path> {
        let name = self.key.strip_suffix('/').unwrap_or(&self.key);
        Path::parse(name).ok().filter(|path| path.as_ref() == name)
    }

    fn unusable(&self, location: &str, why: &str) -> SourceItem {
        SourceItem::Unusable { url: self.site.url(location), why: why.to_owned() }
    }

    fn described(&self, key: String, meta: &ObjectMeta) -> SourceObject {
        SourceObject {
            key,
            url: self.site.url(meta.location.as_ref()),
            size: meta.size,
            e_tag: unquoted(meta.e_tag.as_deref().unwrap_or_default()).to_owned(),
            last_modified: Timestamp::from_millis(meta.last_modified.timestamp_millis()),
        }
    }
}

pub(crate) use any_keys::path as path_of_any_key;

/// An ETag as entries keep it.
pub(crate) fn unquoted(e_tag: &str) -> &str {
    e_tag.strip_prefix('"').and_then(|e_tag| e_tag.strip_suffix('"')).unwrap_or(e_tag)
}

/// What a location is called after what all in a folder begin with.
fn key_of<'a>(prefix: &str, location: &'a str) -> Option<&'a str> {
    location.strip_prefix(prefix).filter(|key| !key.is_empty())
}

/// What all locations in a folder begin with.
fn prefix_of(folder: &Path) -> String {
    if folder.as_ref().is_empty() { String::new() } else { format!("{folder}/") }
}
