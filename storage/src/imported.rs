//! Reads the objects that entries name, wherever they lie: Lakebed's own as they are, imported ones (at full addresses)
//! from their sources, and only as they were imported. Owns that judgement; leaves to `sources` where may be read.
//! Invariant: bytes of an object that was changed in its source are never served under the ETag that it had.

use std::ops::Range;

use futures::stream::{self, StreamExt};
use model::{Address, Entry};
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStoreExt};

use crate::source::unquoted;
use crate::sources::Site;
use crate::{BodyError, BodyStream, RepositoryStorage, StorageError};

/// What a look at an object says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Bytes.
    pub size: u64,
    /// Its ETag in the store that it lies in, without quotation marks, if that gives one.
    pub e_tag: Option<String>,
}

impl RepositoryStorage {
    /// Streams a part of the object that an entry names.
    ///
    /// An imported one is [`StorageError::Gone`] or [`StorageError::Changed`] if it isn't in its source as it was imported,
    /// and [`StorageError::Elsewhere`] if the operator doesn't allow that source (any more).
    pub async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<BodyStream, StorageError> {
        let Address::Full(url) = &entry.address else { return self.get_data(&entry.address, range).await };
        let imported = Imported::find(self, url, entry).await?;
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let result = imported.get(GetOptions::new().with_range(Some(GetRange::Bounded(range.clone())))).await?;
        if result.range != range {
            return Err(imported.changed(format!("its bytes {} to {} aren't there", range.start, range.end)));
        }
        Ok(imported.pieces(result))
    }

    /// Checks that the object that an entry names is there, and says what its store says of it. An imported one has to be
    /// as it was imported, as for [`Self::read`].
    pub async fn look(&self, entry: &Entry) -> Result<Looked, StorageError> {
        let meta = match &entry.address {
            Address::Full(url) => {
                let imported = Imported::find(self, url, entry).await?;
                imported.get(GetOptions::new().with_head(true)).await?.meta
            }
            relative => self.data_meta(relative).await?,
        };
        let e_tag = meta.e_tag.as_deref().map(|e_tag| unquoted(e_tag).to_owned());
        Ok(Looked { size: meta.size, e_tag })
    }

    /// Whether an address lies where this server may read.
    pub fn is_readable(&self, address: &Address) -> bool {
        match address {
            Address::Relative(text) => self.paths().relative(text).is_ok(),
            Address::Full(url) => self.stores().may_read(url),
        }
    }
}

/// An imported object, as its entry has it.
struct Imported<'a> {
    site: Site,
    path: Path,
    entry: &'a Entry,
    url: &'a str,
}

impl<'a> Imported<'a> {
    async fn find(storage: &RepositoryStorage, url: &'a str, entry: &'a Entry) -> Result<Self, StorageError> {
        let (site, path) = storage.stores().site(url).await?;
        Ok(Self { site, path, entry, url })
    }

    /// Asks for the object on the condition that it is as it was, and looks at the answer too: not every store judges
    /// conditions.
    async fn get(&self, mut options: GetOptions) -> Result<GetResult, StorageError> {
        let head = options.head;
        options.if_match = self.condition();
        match self.site.store.get_opts(&self.path, options).await {
            Ok(result) => {
                self.compare(&result.meta)?;
                Ok(result)
            }
            Err(StoreError::NotFound { .. }) => Err(self.gone()),
            // Some stores say so of an object that isn't there, too.
            Err(StoreError::Precondition { .. }) => match self.site.store.head(&self.path).await {
                Err(StoreError::NotFound { .. }) => Err(self.gone()),
                _ => Err(self.changed("its ETag is another".to_owned())),
            },
            // A range after the end is told in many ways.
            Err(error) if !head && matches!(error, StoreError::Generic { .. }) => {
                Box::pin(self.get(GetOptions::new().with_head(true))).await?;
                Err(self.site.error(error, &self.path))
            }
            Err(error) => Err(self.site.error(error, &self.path)),
        }
    }

    /// The object's ETag as its store compares it; none if the entry has none, or a weak one, which never matches.
    fn condition(&self) -> Option<String> {
        let e_tag = Some(&self.entry.e_tag).filter(|e_tag| !e_tag.is_empty() && !e_tag.starts_with("W/"))?;
        Some(format!("\"{e_tag}\""))
    }

    fn compare(&self, there: &ObjectMeta) -> Result<(), StorageError> {
        if there.size != self.entry.size {
            return Err(self.changed(format!("it has {} bytes and had {}", there.size, self.entry.size)));
        }
        match there.e_tag.as_deref().map(unquoted).filter(|_| !self.entry.e_tag.is_empty()) {
            Some(e_tag) if e_tag == self.entry.e_tag => Ok(()),
            Some(e_tag) => Err(self.changed(format!("its ETag is {e_tag} and was {}", self.entry.e_tag))),
            // A store without ETags; times of answers are in whole seconds.
            None if there.last_modified.timestamp() <= self.entry.last_modified.as_millis().div_euclid(1000) => Ok(()),
            None => Err(self.changed(format!("it was written at {}", there.last_modified))),
        }
    }

    fn gone(&self) -> StorageError {
        StorageError::Gone { url: self.url.to_owned() }
    }

    fn changed(&self, why: String) -> StorageError {
        StorageError::Changed { url: self.url.to_owned(), why }
    }

    fn pieces(&self, result: GetResult) -> BodyStream {
        let (site, path) = (self.site.clone(), self.path.clone());
        result.into_stream().map(move |piece| piece.map_err(|e| BodyError::from(site.error(e, &path)))).boxed()
    }
}
