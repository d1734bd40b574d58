//! The configured object store, shared by all repositories. Owns which namespaces lie in it and what new bytes are
//! called; leaves the objects of one repository to [`RepositoryStorage`].
//! Invariant: no namespace outside the configured place is ever opened.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use model::{Address, RepositoryName, StorageNamespace};
use object_store::ObjectStore;
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;

use crate::budget::{Budget, Limits};
use crate::disk_cache::DiskCache;
use crate::paths::{self, LOCAL_RESERVED, Paths, RESERVED};
use crate::presigned::Presigned;
use crate::settings::{Scheme, StoreSettings, StoreUrl};
use crate::sources::Sources;
use crate::{DiskCacheSettings, RepositoryStorage, StorageError, open};

/// How many new addresses share a partition, so that local folders and listings stay of a moderate size.
const ADDRESSES_PER_PARTITION: u32 = 10_000;

/// The configured object store.
pub struct Stores {
    url: String,
    scheme: Scheme,
    /// What every namespace begins with, a slash included.
    namespace_root: String,
    /// What the objects' URLs begin with too, where the store is a folder.
    pub(crate) local_base: Option<String>,
    /// Our part of the bucket.
    prefix: Path,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) pages: Option<Arc<dyn PaginatedListStore>>,
    /// What else may be read.
    pub(crate) sources: Arc<Sources>,
    pub(crate) multipart: Arc<dyn MultipartStore>,
    pub(crate) presigned: Option<Arc<Presigned>>,
    encrypts: bool,
    account: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) disk_cache: Option<Arc<DiskCache>>,
    partition: Mutex<Partition>,
}

struct Partition {
    name: String,
    left: u32,
}

/// What `open` makes of a URL.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) multipart: Arc<dyn MultipartStore>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    /// Listings page by page, of stores that have them.
    pub(crate) pages: Option<Arc<dyn PaginatedListStore>>,
    /// Whether it encrypts what it keeps.
    pub(crate) encrypts: bool,
    /// Azure's account, in which containers have their names.
    pub(crate) account: Option<String>,
}

impl Stores {
    /// Opens the store at a URL: `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix`, `memory:///`.
    ///
    /// Makes a local folder that isn't there, and removes what a crash left half-written in it. Doesn't reach out to a
    /// remote store: [`Self::probe`] does.
    pub async fn open(url: &str, settings: &StoreSettings) -> Result<Arc<Self>, StorageError> {
        let parsed = StoreUrl::parse(url)?;
        let sources = Sources::new(&parsed, settings)?;
        let opened = open::open(&parsed, settings).await?;
        let disk_cache = match &settings.disk_cache {
            Some(settings) => Some(open_disk_cache(settings.clone()).await?),
            None => None,
        };
        Ok(Arc::new(Self { disk_cache, ..Self::new(url.to_owned(), &parsed, opened, sources) }))
    }

    /// Opens the store at a URL only to read it: every request that would change something is refused before it is
    /// sent. A local folder must be there, and isn't touched.
    pub async fn open_read_only(url: &str, settings: &StoreSettings) -> Result<Arc<Self>, StorageError> {
        let parsed = StoreUrl::parse(url)?;
        let sources = Sources::new(&parsed, settings)?;
        let opened = open::open_read_only(&parsed, settings).await?;
        Ok(Arc::new(Self::new(url.to_owned(), &parsed, opened, sources)))
    }

    /// Wraps a store that the caller made: tests, and decorators that count or fail.
    pub fn with_store(store: Arc<dyn ObjectStore>, multipart: Arc<dyn MultipartStore>, scheme: Scheme) -> Arc<Self> {
        let (url, parsed) = match scheme {
            Scheme::Local => ("file:///", StoreUrl::Local("/".into())),
            Scheme::Memory => ("memory:///", StoreUrl::Memory),
            Scheme::S3 => ("s3://test", StoreUrl::S3 { bucket: "test".into(), prefix: Path::ROOT }),
            Scheme::Gcs => ("gs://test", StoreUrl::Gcs { bucket: "test".into(), prefix: Path::ROOT }),
            Scheme::Azure => ("az://test", StoreUrl::Azure { container: "test".into(), prefix: Path::ROOT }),
        };
        let encrypts = !matches!(scheme, Scheme::Local | Scheme::Memory);
        let opened = Opened { store, multipart, signer: None, pages: None, encrypts, account: None };
        Arc::new(Self::new(url.to_owned(), &parsed, opened, Sources::default()))
    }

    /// The same place through decorators: `wrap` gets the present store and returns what to use instead.
    pub fn decorated(
        &self,
        wrap: impl FnOnce(Arc<dyn ObjectStore>, Arc<dyn MultipartStore>) -> (Arc<dyn ObjectStore>, Arc<dyn MultipartStore>),
    ) -> Arc<Self> {
        let (store, multipart) = wrap(Arc::clone(&self.store), Arc::clone(&self.multipart));
        Arc::new(Self {
            url: self.url.clone(),
            scheme: self.scheme,
            namespace_root: self.namespace_root.clone(),
            local_base: self.local_base.clone(),
            prefix: self.prefix.clone(),
            store,
            pages: self.pages.clone(),
            sources: Arc::clone(&self.sources),
            multipart,
            presigned: self.presigned.clone(),
            encrypts: self.encrypts,
            account: self.account.clone(),
            limits: self.limits,
            budget: Budget::process(),
            disk_cache: self.disk_cache.clone(),
            partition: Mutex::new(Partition::next()),
        })
    }

    fn new(url: String, parsed: &StoreUrl, opened: Opened, sources: Sources) -> Self {
        let Opened { store, multipart, signer, pages, encrypts, account } = opened;
        let scheme = parsed.scheme();
        Self {
            url,
            scheme,
            namespace_root: parsed.namespace_root(),
            local_base: parsed.local_base(),
            prefix: parsed.prefix(),
            store,
            pages,
            sources: Arc::new(sources),
            multipart,
            presigned: signer.map(|signer| Arc::new(Presigned::new(signer))),
            encrypts,
            account,
            limits: Limits::of(scheme),
            budget: Budget::process(),
            disk_cache: None,
            partition: Mutex::new(Partition::next()),
        }
    }

    /// The URL that the store was opened with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What kind of store it is.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What every namespace in this store begins with, a slash included.
    pub fn namespace_root(&self) -> &str {
        &self.namespace_root
    }

    /// Whether the store always encrypts what it keeps: Amazon's, Google's and Microsoft's do. One that only speaks
    /// like them does if every write asks it to (`aws_server_side_encryption`).
    pub fn encrypts(&self) -> bool {
        self.encrypts
    }

    /// The account that Azure's containers are in; other stores' buckets need none.
    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Whether the store can pre-sign URLs.
    pub fn signs(&self) -> bool {
        self.presigned.is_some()
    }

    /// Where a repository lives if nobody says otherwise: `local://trips`, `s3://bucket/prefix/trips`; with a suffix
    /// `local://trips-suffix`, for when the former is taken.
    ///
    /// # Panics
    /// When `suffix` has characters that no namespace may have.
    pub fn default_namespace(&self, name: &RepositoryName, suffix: Option<&str>) -> StorageNamespace {
        let text = match suffix {
            None => format!("{}{name}", self.namespace_root),
            Some(suffix) => format!("{}{name}-{suffix}", self.namespace_root),
        };
        text.parse().expect("because the root is a valid namespace and so is a repository's name under it")
    }

    /// Opens a repository's part of the store. Refuses a namespace that isn't under the configured place.
    pub fn repository(self: &Arc<Self>, namespace: &StorageNamespace) -> Result<RepositoryStorage, StorageError> {
        let prefix = self.locate(namespace.as_str()).ok_or_else(|| {
            StorageError::Invalid(format!(
                "storage namespace {namespace} doesn't lie in this server's object store: use one that begins with {}",
                self.namespace_root
            ))
        })?;
        if prefix.parts().any(|part| [RESERVED, LOCAL_RESERVED].contains(&part.as_ref())) {
            return Err(StorageError::Invalid(format!(
                "storage namespace {namespace} has a part that Lakebed reserves for itself ({RESERVED}, {LOCAL_RESERVED})"
            )));
        }
        Ok(RepositoryStorage::new(Arc::clone(self), namespace.clone(), Paths::new(prefix)))
    }

    /// The path in the store of a URL in the form of a namespace, if it is strictly under the configured place.
    pub(crate) fn locate(&self, url: &str) -> Option<Path> {
        let rest = url.strip_prefix(&self.namespace_root).filter(|rest| paths::is_plain(rest))?;
        Path::parse(format!("{}/{rest}", self.prefix)).ok()
    }

    /// A path in the store as messages name it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let text = path.as_ref();
        let under = text.strip_prefix(self.prefix.as_ref()).map_or(text, |rest| rest.trim_start_matches('/'));
        format!("{}{under}", self.namespace_root)
    }

    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    pub(crate) fn new_address(&self) -> Address {
        let mut partition = self.partition.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if partition.left == 0 {
            *partition = Partition::next();
        }
        partition.left -= 1;
        paths::new_address(&partition.name, rand::random())
    }
}

/// Opens the cache off the asynchronous workers, since it reads what an earlier process left.
async fn open_disk_cache(settings: DiskCacheSettings) -> Result<Arc<DiskCache>, StorageError> {
    let failed = |folder: &std::path::Path, error: &dyn fmt::Display| {
        StorageError::Invalid(format!("the cache folder {} can't be used: {error}", folder.display()))
    };
    let folder = settings.folder.clone();
    let opened = tokio::task::spawn_blocking(move || DiskCache::open(&settings)).await;
    let opened = opened.map_err(|error| failed(&folder, &error))?;
    opened.map(Arc::new).map_err(|error| failed(&folder, &error))
}

impl Partition {
    /// Names a new partition: the time, so that they sort by age, and what tells processes apart.
    fn next() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { name: format!("{seconds:010x}-{:08x}", rand::random::<u32>()), left: ADDRESSES_PER_PARTITION }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").field("url", &self.url).finish_non_exhaustive()
    }
}
