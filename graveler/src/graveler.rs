//! The handle on everything that verbs need: metadata, object stores, clock, caches, workers. Owns their wiring and
//! where heavy work runs. Invariant: no more heavy work runs at a time than the options allow.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, MetaStore, Note, Repository, RepositoryName, StorageNamespace};
use moka::future::Cache;
use storage::Stores;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::batcher::Batcher;
use crate::boxed;
use crate::tree::Files;
use crate::tree::cache::{Caches, TreeCounters};
use crate::{Error, GravelerOptions};

/// Repositories whose records are remembered for reads that are addressed by commit.
const REPOSITORIES_MAX: u64 = 4096;
/// How long such a record is trusted: a deleted repository's commits stay readable for so long at most.
const REPOSITORY_TRUSTED_FOR: Duration = Duration::from_secs(5);

/// The library's handle; cheap to clone. Its verbs are in `ops/`, one file each.
#[derive(Clone)]
pub struct Graveler {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) meta: Arc<dyn MetaStore>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: GravelerOptions,
    pub(crate) batcher: Arc<Batcher>,
    caches: Arc<Caches>,
    repositories: Cache<RepositoryName, Repository>,
    builders: Arc<Semaphore>,
    importers: Arc<Semaphore>,
    scanners: Arc<Semaphore>,
}

/// Which bound some heavy work counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Writes trees.
    Build,
    /// Writes trees as a listing comes.
    Import,
    /// Only reads.
    Scan,
}

fn remembered_repositories() -> Cache<RepositoryName, Repository> {
    Cache::builder().max_capacity(REPOSITORIES_MAX).time_to_live(REPOSITORY_TRUSTED_FOR).build()
}

impl Graveler {
    /// Wires a handle. Its caches are empty and shared by its clones.
    pub fn new(meta: Arc<dyn MetaStore>, stores: Arc<Stores>, clock: Arc<dyn Clock>, options: GravelerOptions) -> Self {
        let inner = Inner {
            batcher: Batcher::new(Arc::clone(&meta), options.stage_queue_max.max(1)),
            meta,
            stores,
            clock,
            caches: Arc::new(Caches::new(&options)),
            repositories: remembered_repositories(),
            builders: Arc::new(Semaphore::new(options.builds_max.max(1))),
            importers: Arc::new(Semaphore::new(options.imports_max.max(1))),
            scanners: Arc::new(Semaphore::new(options.scans_max.max(1))),
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The same stores, caches and bounds over another view of the metadata service.
    #[must_use]
    pub fn over(&self, meta: Arc<dyn MetaStore>) -> Self {
        let Inner { stores, clock, options, caches, builders, importers, scanners, .. } = &*self.inner;
        let inner = Inner {
            batcher: Batcher::new(Arc::clone(&meta), options.stage_queue_max.max(1)),
            meta,
            stores: Arc::clone(stores),
            clock: Arc::clone(clock),
            options: options.clone(),
            caches: Arc::clone(caches),
            // What it says of repositories may be another view's.
            repositories: remembered_repositories(),
            builders: Arc::clone(builders),
            importers: Arc::clone(importers),
            scanners: Arc::clone(scanners),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The metadata service.
    pub fn meta(&self) -> &dyn MetaStore {
        &*self.inner.meta
    }

    /// The metadata service, for who keeps it.
    pub fn shared_meta(&self) -> Arc<dyn MetaStore> {
        Arc::clone(&self.inner.meta)
    }

    /// The object stores.
    pub fn stores(&self) -> &Arc<Stores> {
        &self.inner.stores
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// What the reflog is to say of a branch's move: who, and why (`commit: first load`).
    pub fn note(&self, who: &str, why: &str) -> Note {
        Note::new(who, why, self.inner.options.reflog_kept_ms)
    }

    /// The time, for who keeps it.
    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    /// What has been read and written so far, by this handle and its clones.
    pub fn counters(&self) -> TreeCounters {
        self.inner.caches.counted.snapshot()
    }

    /// Forgets what is remembered of a repository, so that a read by commit asks for it again. For who deletes one.
    #[boxed]
    pub async fn forget_repository(&self, name: &RepositoryName) {
        self.inner.repositories.invalidate(name).await;
    }

    /// Finds a repository, from memory if it was found a moment ago.
    pub(crate) async fn remembered_repository(&self, name: &RepositoryName) -> Result<Repository, Error> {
        if let Some(repository) = self.inner.repositories.get(name).await {
            return Ok(repository);
        }
        let repository = self.meta().repository(name).await?;
        self.inner.repositories.insert(name.clone(), repository.clone()).await;
        Ok(repository)
    }

    /// Opens a repository's immutable files.
    pub(crate) fn files(&self, repository: &Repository) -> Result<Files, Error> {
        self.files_at(&repository.namespace)
    }

    /// Opens the immutable files of a namespace.
    pub(crate) fn files_at(&self, namespace: &StorageNamespace) -> Result<Files, Error> {
        Files::open(&self.inner.stores, &self.inner.caches, namespace)
    }

    /// Does heavy work (decoding, hashing, compressing, between requests) off the asynchronous workers. It ends early
    /// when nobody waits for it any more.
    pub(crate) async fn heavy<T, F>(&self, kind: Work, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: AsyncFnOnce() -> Result<T, Error> + Send + 'static,
    {
        let bound = match kind {
            Work::Build => &self.inner.builders,
            Work::Import => &self.inner.importers,
            Work::Scan => &self.inner.scanners,
        };
        let gone = |_| Error::Internal("heavy work's bound is gone".into());
        let permit = Arc::clone(bound).acquire_owned().await.map_err(gone)?;
        let (mut left, _waiting) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            runtime.block_on(async {
                tokio::select! {
                    done = work() => done,
                    () = left.closed() => Err(Error::Internal("nobody waits for this work any more".into())),
                }
            })
        });
        done.await.map_err(|e| Error::Internal(format!("heavy work failed: {e}")))?
    }
}
