//! What is kept in memory of immutable files: parsed tails, decoded blocks, commits. Owns the bounds' division and
//! the counters; `files` fills it. Invariant: keys are a namespace and a content id. The id alone wouldn't do: it tells
//! what a file means, and neither where its blocks lie (they may be compressed otherwise elsewhere) nor, of files that
//! other software wrote, that it is what it says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model::{Commit, CommitId, MetaRangeId, StorageNamespace};
use storage::{Immutable, RepositoryStorage};

use super::build_bounds::BuildBounds;
use super::files::Table;
use super::layers::Tree;
use crate::GravelerOptions;
use crate::loading_cache::LoadingCache;
use crate::sstable::Block;

/// Repositories whose part of the store is kept open. When there are more it starts over, for opening one costs little.
const STORAGES_MAX: usize = 4096;

/// So many deltas would fill the trees' part of the cache, if each were as large as one may be that is kept open.
const DELTAS_PER_CACHE: u64 = 32;

/// Parts of a cache that are locked by themselves. Trees and tables have one each: one of them may be large.
const SHARDS: usize = 8;

/// What cached values usually take; the number of them that fits is estimated by it.
const COMMIT_BYTES: usize = 512;
const TREE_BYTES: usize = 16 << 10;
const TABLE_BYTES: usize = 64 << 10;
const BLOCK_BYTES: usize = 16 << 10;

/// A namespace, or files that are in memory alone; shortly, for keys that are made for every block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Space(u64);

/// Caches shared by all repositories, and counters of the work done.
pub(crate) struct Caches {
    /// A plain map, since every verb asks, and to keep account of uses would cost more than to open one again.
    storages: RwLock<HashMap<StorageNamespace, (RepositoryStorage, Space)>>,
    next_space: AtomicU64,
    pub(crate) commits: LoadingCache<(Space, CommitId), Arc<Commit>>,
    /// Trees as their roots describe them, and what is kept open of their deltas.
    pub(crate) trees: LoadingCache<(Space, MetaRangeId), Arc<Tree>>,
    /// The most that a tree in the cache may keep open of one delta.
    pub(crate) delta_bytes_max: usize,
    pub(crate) tables: LoadingCache<(Space, Immutable), Arc<Table>>,
    pub(crate) blocks: LoadingCache<(Space, Immutable, u32), Arc<Block>>,
    pub(crate) counted: Counted,
    /// What builders share: not cached, but of the same life.
    pub(crate) builds: BuildBounds,
}

impl Caches {
    /// Divides a budget of bytes: 1/16 for commits, 2/16 for trees, 8/16 for tails, the rest for blocks. A lookup takes
    /// the tail of a range, of about 80 KiB, and a block of 16 KiB in it.
    pub(crate) fn new(options: &GravelerOptions) -> Self {
        let bytes = options.cache_bytes;
        Self {
            builds: BuildBounds::new(options),
            storages: RwLock::default(),
            next_space: AtomicU64::new(0),
            commits: LoadingCache::new(bytes / 16, COMMIT_BYTES, SHARDS, commit_bytes),
            trees: LoadingCache::new(bytes / 16 * 2, TREE_BYTES, 1, |tree| tree.memory_bytes()),
            delta_bytes_max: usize::try_from(bytes / 16 * 2 / DELTAS_PER_CACHE).unwrap_or(usize::MAX),
            tables: LoadingCache::new(bytes / 16 * 8, TABLE_BYTES, 1, |table| table.memory_bytes()),
            blocks: LoadingCache::new(bytes / 16 * 5, BLOCK_BYTES, SHARDS, |block| block.memory_bytes() + 64),
            counted: Counted::default(),
        }
    }

    /// A repository's part of the store, if it is open.
    pub(crate) fn storage(&self, namespace: &StorageNamespace) -> Option<(RepositoryStorage, Space)> {
        self.storages.read().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    /// Keeps a repository's part of the store open, unless another did so meanwhile; returns what is kept.
    pub(crate) fn keep_storage(
        &self,
        namespace: StorageNamespace,
        storage: RepositoryStorage,
    ) -> (RepositoryStorage, Space) {
        let mut storages = self.storages.write().unwrap_or_else(PoisonError::into_inner);
        if storages.len() >= STORAGES_MAX {
            storages.clear();
        }
        storages.entry(namespace).or_insert_with(|| (storage, self.new_space())).clone()
    }

    /// A space that nothing else has.
    pub(super) fn new_space(&self) -> Space {
        Space(self.next_space.fetch_add(1, Ordering::Relaxed))
    }
}

fn commit_bytes(commit: &Arc<Commit>) -> usize {
    let metadata: usize = commit.metadata.iter().map(|(name, value)| 64 + name.len() + value.len()).sum();
    256 + commit.parents.len() * 32 + commit.committer.len() + commit.message.len() + metadata
}

/// Declares the counters, in use and as a snapshot.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Work done, counted as it is done.
        #[derive(Default)]
        pub(crate) struct Counted {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// Work done so far; what benchmarks and tests judge first.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct TreeCounters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counted {
            pub(crate) fn snapshot(&self) -> TreeCounters {
                TreeCounters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl TreeCounters {
            /// Both together.
            pub fn and(&self, other: &Self) -> Self {
                Self { $($name: self.$name + other.$name,)* }
            }

            /// What was done since an earlier snapshot.
            pub fn since(&self, before: &Self) -> Self {
                Self { $($name: self.$name - before.$name,)* }
            }
        }
    };
}

counters! {
    /// Ranges that a lookup, scan, diff or merge looked into, cached or not.
    ranges_opened,
    /// Metaranges under a root that were looked into, cached or not.
    metaranges_opened,
    /// Data blocks (of ranges and metaranges) that were fetched and decoded.
    blocks_read,
    /// Data blocks that a rewrite copied as they were stored, neither decoded nor encoded.
    blocks_copied,
    /// Data blocks of ranges that were encoded.
    blocks_encoded,
    /// Ranges that were written.
    ranges_written,
    /// Metaranges that were written, roots included.
    metaranges_written,
    /// Bytes of ranges and metaranges that were written.
    bytes_written,
}

/// Counts the blocks of a range that was built.
pub(super) fn add_build_counts(counted: &Counted, blocks_copied: u64, blocks_encoded: u64) {
    Counted::add(&counted.blocks_copied, blocks_copied);
    Counted::add(&counted.blocks_encoded, blocks_encoded);
}

impl Counted {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}
