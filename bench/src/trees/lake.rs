//! The library in this process, over a counted local folder: what a row of the trees' table measures. Owns how large
//! trees come about and how work on them is counted. Invariant: a tree is built once in a folder, and found there again
//! by later rows and by child processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use graveler::{Built, CommitInfo, Graveler, GravelerOptions, ImportListing, Progress, TreeCounters};
use metadata_server::MemoryMetaStore;
use model::{
    BranchName, Command, CommitId, CreateBranch, MetaStore, Note, RefTarget, Repository, RequestId, SystemClock,
    Timestamp,
};
use storage::testing::{Counters, Verb};

use super::synthetic::Objects;
use crate::process;
use crate::serve::{main_branch, open_store, repository};

/// The same in each process, so that each finds the repository that another has made.
const REQUEST: RequestId = RequestId(1);

/// A repository, opened with empty caches.
pub(crate) struct TreeLake {
    pub(crate) graveler: Graveler,
    pub(crate) repository: Repository,
    folder: PathBuf,
    store: Counters,
}

/// What some work took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    /// Of this process, all threads.
    pub(crate) cpu: f64,
    pub(crate) tree: TreeCounters,
    pub(crate) store: StoreSpent,
}

/// Requests to the object store, and bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoreSpent {
    pub(crate) gets: u64,
    pub(crate) get_bytes: u64,
    pub(crate) puts: u64,
    pub(crate) put_bytes: u64,
}

impl TreeLake {
    /// Opens the repository in a folder, which is made if it isn't there, with metadata in memory.
    pub(crate) async fn open(folder: &Path, options: GravelerOptions) -> Result<Self> {
        Self::open_with(folder, options, Arc::new(MemoryMetaStore::new(Arc::new(SystemClock)))).await
    }

    /// The same with a metadata service, which is new or knows the repository.
    pub(crate) async fn open_with(folder: &Path, options: GravelerOptions, meta: Arc<dyn MetaStore>) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (stores, store) = open_store(&folder.join("objects")).await?;
        let graveler = Graveler::new(meta, stores, Arc::new(SystemClock), options);
        let made = graveler.create_repository(REQUEST, &repository(), None, &main_branch(), "bench").await;
        let repository = made.context("can't make the repository")?;
        Ok(Self { graveler, repository, folder: folder.to_owned(), store })
    }

    /// The commit of a tree of so many objects of version 0; builds it unless that was done before.
    pub(crate) async fn tree(&self, entries: u64) -> Result<CommitId> {
        let note = self.folder.join(format!("{entries}.commit"));
        if let Ok(text) = std::fs::read_to_string(&note) {
            return text.parse().with_context(|| format!("{} doesn't hold a commit's id", note.display()));
        }
        let first = self.first_commit().await?;
        let built = self.import(&first, Objects::run(0..entries, 0).listing()).await?;
        std::fs::write(&note, built.id.to_string())?;
        Ok(built.id)
    }

    /// The empty commit that the repository begins with.
    pub(crate) async fn first_commit(&self) -> Result<CommitId> {
        match self.graveler.meta().lookup(&self.repository.name, &(&main_branch()).into(), None).await?.target {
            RefTarget::Branch(branch) => Ok(branch.commit),
            other => bail!("the first branch is {other:?}"),
        }
    }

    /// Builds a commit of a base with objects over it. It is in no ref.
    pub(crate) async fn import(&self, base: &CommitId, listing: ImportListing) -> Result<Built> {
        let progress = Progress::default();
        Ok(self.graveler.build_import(&self.repository, base, listing, &info(), &progress).await?)
    }

    /// Makes a branch at a commit.
    pub(crate) async fn branch(&self, name: &str, commit: CommitId) -> Result<BranchName> {
        let branch: BranchName = name.parse()?;
        let command = Command::CreateBranch(CreateBranch {
            request: RequestId(rand::random()),
            repository: self.repository.name.clone(),
            branch: branch.clone(),
            commit,
            hidden: false,
            note: Note::default(),
        });
        self.graveler.meta().write(command).await?.branch()?;
        Ok(branch)
    }

    /// Does some work, and says what it took.
    pub(crate) async fn measure<T>(&self, work: impl AsyncFnOnce() -> Result<T>) -> Result<(T, Spent)> {
        let (tree, store) = (self.graveler.counters(), self.store_spent());
        let (cpu, begun) = (process::cpu_seconds(std::process::id())?, Instant::now());
        let done = work().await?;
        let spent = Spent {
            seconds: begun.elapsed().as_secs_f64(),
            cpu: process::cpu_seconds(std::process::id())? - cpu,
            tree: self.graveler.counters().since(&tree),
            store: self.store_spent().since(&store),
        };
        Ok((done, spent))
    }

    fn store_spent(&self) -> StoreSpent {
        let writes = [Verb::Put, Verb::Part];
        StoreSpent {
            gets: self.store.requests(Verb::Get) + self.store.requests(Verb::Head),
            get_bytes: self.store.bytes(Verb::Get),
            puts: writes.iter().map(|verb| self.store.requests(*verb)).sum(),
            put_bytes: writes.iter().map(|verb| self.store.bytes(*verb)).sum(),
        }
    }
}

impl Spent {
    /// Both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            cpu: self.cpu + other.cpu,
            tree: self.tree.and(&other.tree),
            store: self.store.and(&other.store),
        }
    }
}

impl StoreSpent {
    fn and(&self, other: &Self) -> Self {
        Self {
            gets: self.gets + other.gets,
            get_bytes: self.get_bytes + other.get_bytes,
            puts: self.puts + other.puts,
            put_bytes: self.put_bytes + other.put_bytes,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            gets: self.gets - before.gets,
            get_bytes: self.get_bytes - before.get_bytes,
            puts: self.puts - before.puts,
            put_bytes: self.put_bytes - before.put_bytes,
        }
    }
}

/// What the commits of a bench say.
pub(crate) fn info() -> CommitInfo {
    CommitInfo {
        committer: "bench".into(),
        message: "bench".into(),
        metadata: BTreeMap::new(),
        created_at: Timestamp::from_millis(1_750_000_000_000),
        allow_empty: false,
    }
}
