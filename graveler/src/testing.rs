//! What this crate's tests share: a lake in memory whose requests are counted, and entries that differ by one number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use metadata_server::MemoryMetaStore;
use model::{
    Address, Branch, BranchName, Clock, Command, CommitId, CreateBranch, Entry, Note, ObjectPath, Publish, Repository,
    RepositoryName, RequestId, Seal, StageOutcome, StagedValue, Timestamp,
};
use storage::testing::{Counters, Counting};
use storage::{StoreSettings, Stores};

use crate::tree::Files;
use crate::tree::layers::Tree;
use crate::{Built, Change, CommitInfo, Error, Graveler, GravelerOptions, RefExpr};

/// A clock that moves a second each time it is asked.
#[derive(Debug, Default)]
pub(crate) struct TickingClock(AtomicI64);

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + 1000 * self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A repository `trips` in memory, with small blocks and ranges so that little content makes many.
pub(crate) struct TestLake {
    pub(crate) graveler: Graveler,
    pub(crate) repository: Repository,
    pub(crate) requests: Counters,
    pub(crate) stores: Arc<Stores>,
}

pub(crate) fn small_options() -> GravelerOptions {
    GravelerOptions {
        block_bytes: 512,
        range_bytes: 2048,
        cache_bytes: 16 << 20,
        metarange_ranges: 8,
        build_bytes: 64 << 10,
        ..GravelerOptions::default()
    }
}

impl TestLake {
    pub(crate) async fn new() -> Self {
        Self::with_options(small_options()).await
    }

    pub(crate) async fn with_options(options: GravelerOptions) -> Self {
        let requests = Counters::default();
        let counters = requests.clone();
        let memory = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
        let stores = memory.decorated(|store, multipart| {
            let counting = Counting::new(store, multipart, counters);
            (counting.clone(), counting)
        });
        Self::over(stores, requests, options).await
    }

    /// The same in a store that the caller opened, and counts.
    pub(crate) async fn over(stores: Arc<Stores>, requests: Counters, options: GravelerOptions) -> Self {
        let clock = Arc::new(TickingClock::default());
        let meta = Arc::new(MemoryMetaStore::new(clock.clone()));
        let graveler = Graveler::new(meta, Arc::clone(&stores), clock, options);
        let repository =
            graveler.create_repository(RequestId(1), &name("trips"), None, &branch("main"), "ann").await.unwrap();
        Self { graveler, repository, requests, stores }
    }

    /// The same lake through empty caches.
    pub(crate) fn cold(&self, options: GravelerOptions) -> Graveler {
        let inner = &self.graveler.inner;
        Graveler::new(Arc::clone(&inner.meta), Arc::clone(&self.stores), Arc::clone(&inner.clock), options)
    }

    pub(crate) fn files(&self) -> Files {
        self.graveler.files(&self.repository).unwrap()
    }

    pub(crate) fn name(&self) -> &RepositoryName {
        &self.repository.name
    }

    pub(crate) async fn branch(&self, of: &str) -> Branch {
        self.graveler.meta().branch(self.name(), &branch(of)).await.unwrap()
    }

    pub(crate) async fn create_branch(&self, new: &str, commit: CommitId, request: u128) {
        let command = Command::CreateBranch(CreateBranch {
            request: RequestId(request),
            repository: self.name().clone(),
            branch: branch(new),
            commit,
            hidden: false,
            note: Note::default(),
        });
        self.graveler.meta().write(command).await.unwrap().branch().unwrap();
    }

    /// Stages objects (a number each) and deletions.
    pub(crate) async fn stage(&self, on: &str, changes: &[(&str, Option<u64>)]) {
        let changes = changes.iter().map(|(at, content)| Change {
            path: path(at),
            value: content.map_or(StagedValue::Tombstone, |content| StagedValue::Entry(entry(content))),
            require: None,
        });
        let outcomes = self.graveler.stage(self.name(), &branch(on), changes.collect()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == StageOutcome::Staged));
    }

    pub(crate) async fn seal(&self, on: &str) -> Branch {
        let command = Command::Seal(Seal { repository: self.name().clone(), branch: branch(on) });
        self.graveler.meta().write(command).await.unwrap().branch().unwrap()
    }

    pub(crate) async fn publish(&self, on: &str, expected: CommitId, built: &Built, sealed: &Branch) {
        let command = Command::Publish(Publish {
            request: None,
            repository: self.name().clone(),
            branch: branch(on),
            expected,
            head: built.id,
            consumed: sealed.sealed.clone(),
            held_by: vec![],
            read_at: None,
            ended: vec![],
            passed: vec![],
            require_clean: false,
            note: Note::default(),
        });
        self.graveler.meta().write(command).await.unwrap().branch().unwrap();
    }

    /// The tree of a branch's head.
    pub(crate) async fn tree_of(&self, on: &str) -> Arc<Tree> {
        let head = self.branch(on).await.commit;
        let commit = self.graveler.commit_object(&self.repository, &head).await.unwrap();
        self.files().tree(commit.metarange).await.unwrap()
    }

    /// Commits what is staged.
    pub(crate) async fn commit(&self, on: &str) -> Result<Built, Error> {
        let sealed = self.seal(on).await;
        let built = self
            .graveler
            .build_commit(
                &self.repository,
                &sealed.commit,
                &sealed.name,
                &sealed.sealed,
                &info("change", &self.graveler),
            )
            .await?;
        self.publish(on, sealed.commit, &built, &sealed).await;
        Ok(built)
    }
}

pub(crate) fn info(message: &str, graveler: &Graveler) -> CommitInfo {
    CommitInfo {
        committer: "ann".into(),
        message: message.into(),
        metadata: BTreeMap::new(),
        created_at: graveler.clock().now(),
        allow_empty: false,
    }
}

/// The object that has a number as its content. Equal numbers look the same to readers, but lie at other addresses.
pub(crate) fn entry(content: u64) -> Entry {
    static ADDRESSES: AtomicI64 = AtomicI64::new(0);
    let unique = ADDRESSES.fetch_add(1, Ordering::Relaxed);
    Entry { address: Address::Relative(format!("data/test/{unique}")), ..plain_entry(content) }
}

/// The object that has a number as its content, always at the same address.
pub(crate) fn plain_entry(content: u64) -> Entry {
    Entry {
        address: Address::Relative(format!("data/plain/{content}")),
        last_modified: Timestamp::from_millis(1_790_000_000_000),
        size: content,
        e_tag: format!("{content:032x}"),
        content_type: "application/octet-stream".into(),
        metadata: BTreeMap::new(),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn branch(text: &str) -> BranchName {
    text.parse().unwrap()
}

pub(crate) fn path(text: &str) -> ObjectPath {
    text.parse().unwrap()
}

pub(crate) fn expr(text: &str) -> RefExpr {
    text.parse().unwrap()
}

/// Runs a future to its end on a runtime of its own.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}
