//! The walk of a check: all commits that the roots reach, then each metarange once (those that list metaranges before
//! those), and each range once as its first metarange names it. Owns what has been seen (some 100 bytes a commit, some 50 a metarange or range) and how many
//! files are checked at a time. Invariant: a file that many others refer to is read once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use model::{CheckSummary, Commit, CommitId, MetaRangeId, RangeId};
use storage::{Immutable, RepositoryStorage, StorageError};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::fault::Report;
use super::objects::ObjectChecks;
use super::records::RangeChecks;
use super::table::{Facts, TableCheck};
use super::{Fault, FaultKind, FsckEvent, FsckOptions, as_fault};
use crate::Error;
use crate::history::commit_object::{BadCommit, decode};
use crate::tree::layers::LayersDecoder;
use crate::tree::range_info::{BadRange, RangeInfo};

/// After how many commits progress is told.
const COMMITS_PER_PROGRESS: u64 = 256;

/// What a commit was found by.
#[derive(Debug, Clone)]
pub(super) enum Referrer {
    /// A ref, as it is said to people.
    Ref(Arc<str>),
    /// A child.
    Commit(CommitId),
    /// The caller named it.
    Asked,
    /// It lies in the bucket.
    Bucket,
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ref(name) => f.write_str(name),
            Self::Commit(id) => Immutable::Commit(*id).fmt(f),
            Self::Asked => f.write_str("the caller"),
            Self::Bucket => f.write_str("the folder of commits"),
        }
    }
}

/// What is remembered of a commit.
struct Node {
    generation: u64,
    parents: Vec<CommitId>,
}

/// A metarange to be checked.
struct Tree {
    id: MetaRangeId,
    /// The commit or metarange that names it.
    needed_by: Immutable,
    /// What a metarange above says of it.
    said: Option<RangeInfo>,
    /// Whether its ranges are those of a delta.
    of_delta: bool,
}

/// A check under way.
pub(super) struct Walk {
    checks: RangeChecks,
    frontier: VecDeque<(Referrer, CommitId)>,
    reached: HashSet<CommitId>,
    nodes: HashMap<CommitId, Node>,
    trees: HashSet<MetaRangeId>,
    trees_ahead: VecDeque<Tree>,
    /// What the metarange that named a range first said of it, hashed.
    ranges: HashMap<RangeId, [u8; 16]>,
    jobs: JoinSet<Result<(), Error>>,
}

impl Walk {
    pub(super) fn new(storage: RepositoryStorage, options: FsckOptions, events: Sender<FsckEvent>) -> Self {
        Self {
            checks: RangeChecks::new(storage, options, Report::new(events)),
            frontier: VecDeque::new(),
            reached: HashSet::new(),
            nodes: HashMap::new(),
            trees: HashSet::new(),
            trees_ahead: VecDeque::new(),
            ranges: HashMap::new(),
            jobs: JoinSet::new(),
        }
    }

    /// Adds a commit to begin with.
    pub(super) fn enter(&mut self, referrer: Referrer, commit: CommitId) {
        if self.reached.insert(commit) {
            self.frontier.push_back((referrer, commit));
        }
    }

    /// Adds every commit in the bucket.
    pub(super) async fn enter_all(&mut self) -> Result<(), Error> {
        let mut commits = self.checks.storage.commits();
        while let Some(commit) = commits.try_next().await? {
            self.enter(Referrer::Bucket, commit);
        }
        Ok(())
    }

    /// Checks the repository's own description.
    pub(super) async fn format(&self) -> Result<(), Error> {
        let Err(error) = self.checks.storage.read_format().await else { return Ok(()) };
        if matches!(error, StorageError::Invalid(_)) {
            return Err(error.into());
        }
        let (kind, why) = as_fault(&error);
        let (file, needed_by) = ("_lakebed/format.json".to_owned(), "the repository".to_owned());
        self.report().fault(Fault { kind, file, path: None, needed_by, why }).await
    }

    /// Checks all that the commits so far reach.
    pub(super) async fn run(mut self) -> Result<CheckSummary, Error> {
        self.commits().await?;
        self.generations().await?;
        while let Some(tree) = self.trees_ahead.pop_front() {
            self.tree(tree).await?;
        }
        while !self.jobs.is_empty() {
            self.wait_for_job().await?;
        }
        self.report().progress();
        Ok(self.report().summary())
    }

    /// How data objects are checked.
    pub(super) fn objects(&self) -> &ObjectChecks {
        &self.checks.objects
    }

    fn report(&self) -> &Report {
        &self.checks.report
    }

    /// Reads all commits, several at a time.
    async fn commits(&mut self) -> Result<(), Error> {
        let storage = self.checks.storage.clone();
        let mut reads = FuturesUnordered::new();
        loop {
            while reads.len() < self.checks.files_max
                && let Some((referrer, id)) = self.frontier.pop_front()
            {
                let storage = &storage;
                reads.push(async move { (referrer, id, storage.get(&Immutable::Commit(id)).await) });
            }
            let Some((referrer, id, read)) = reads.next().await else { return Ok(()) };
            self.report().go_on()?;
            let fault = |kind, why| Fault {
                kind,
                file: Immutable::Commit(id).to_string(),
                path: None,
                needed_by: referrer.to_string(),
                why,
            };
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.report().failure(error, fault(FaultKind::Unreadable, String::new())).await?;
                    continue;
                }
            };
            self.report().answered();
            self.report().count(|counted| &counted.bytes_read, bytes.len() as u64);
            match decode(id, &bytes) {
                Ok(commit) => self.take(id, commit),
                Err(BadCommit::Corrupt(why)) => self.report().fault(fault(FaultKind::Corrupt, why)).await?,
                Err(BadCommit::Unsupported(what)) => {
                    self.report().fault(fault(FaultKind::Unsupported, what)).await?;
                }
            }
        }
    }

    /// Goes on from a sound commit to its parents and its tree.
    fn take(&mut self, id: CommitId, commit: Commit) {
        self.report().count(|counted| &counted.commits, 1);
        if (self.nodes.len() as u64).is_multiple_of(COMMITS_PER_PROGRESS) {
            self.report().progress();
        }
        for parent in &commit.parents {
            self.enter(Referrer::Commit(id), *parent);
        }
        if let Some(tree) = commit.metarange
            && self.trees.insert(tree)
        {
            self.trees_ahead.push_back(Tree {
                id: tree,
                needed_by: Immutable::Commit(id),
                said: None,
                of_delta: false,
            });
        }
        self.nodes.insert(id, Node { generation: commit.generation, parents: commit.parents });
    }

    /// Checks that generations follow from the parents', on which walks over history rely.
    async fn generations(&mut self) -> Result<(), Error> {
        for (id, node) in &self.nodes {
            let parents: Option<Vec<&Node>> = node.parents.iter().map(|parent| self.nodes.get(parent)).collect();
            // A parent that couldn't be read was told already.
            let Some(parents) = parents else { continue };
            let due = 1 + parents.iter().map(|parent| parent.generation).max().unwrap_or(0);
            if node.generation != due {
                let why = format!("its generation is {}, and by its parents it should be {due}", node.generation);
                let (file, needed_by) = (Immutable::Commit(*id).to_string(), "walks over history".to_owned());
                let fault = Fault { kind: FaultKind::Corrupt, file, path: None, needed_by, why };
                self.checks.report.fault(fault).await?;
            }
        }
        self.nodes.clear();
        Ok(())
    }

    /// Checks a metarange, and begins the checks of what it lists and is new.
    async fn tree(&mut self, tree: Tree) -> Result<(), Error> {
        let object = Immutable::MetaRange(tree.id);
        let (storage, report) = (self.checks.storage.clone(), self.checks.report.clone());
        let needed_by = tree.needed_by.to_string();
        let tail_length = tree.said.as_ref().map(|said| u64::from(said.tail_length).max(1));
        let Some(mut table) = TableCheck::open(&storage, &report, object, needed_by, tail_length).await? else {
            return Ok(());
        };
        report.count(|counted| &counted.metaranges, 1);
        if table.has_layers() {
            return self.layers(table, object).await;
        }
        let mut under = Subtree::default();
        while let Some((block, _)) = table.next().await? {
            for (key, value) in (0..block.entries()).map(|at| block.entry(at)) {
                let info = match RangeInfo::decode(key, value) {
                    Ok(info) => info,
                    Err(bad) => {
                        bad_range(&table, bad).await?;
                        continue;
                    }
                };
                if !under.add(&info) {
                    let why = format!("{} overlaps the one before it", info.object);
                    table.bad_record(None, why).await?;
                }
                self.listed(info, object, tree.of_delta).await?;
            }
        }
        if let (Some(facts), Some(said)) = (table.finish().await?, &tree.said) {
            self.checks.compare(said, &under.of(facts), tree.needed_by).await?;
        }
        Ok(())
    }

    /// Checks a root over deltas, and begins the checks of its layers.
    async fn layers(&mut self, mut table: TableCheck<'_>, object: Immutable) -> Result<(), Error> {
        let mut layers = LayersDecoder::default();
        while let Some((block, _)) = table.next().await? {
            for (key, value) in (0..block.entries()).map(|at| block.entry(at)) {
                if let Err(bad) = layers.add(key, value) {
                    return bad_range(&table, bad).await;
                }
            }
        }
        match layers.finish() {
            Err(bad) => bad_range(&table, bad).await?,
            Ok(layers) => {
                self.listed(layers.base, object, false).await?;
                for delta in layers.deltas {
                    self.listed(delta, object, true).await?;
                }
            }
        }
        table.finish().await.map(drop)
    }

    /// Begins the check of a range or metarange that a metarange lists.
    async fn listed(&mut self, info: RangeInfo, by: Immutable, of_delta: bool) -> Result<(), Error> {
        match info.object {
            Immutable::Range(id) => self.range(id, info, by, of_delta).await,
            Immutable::MetaRange(id) if self.trees.insert(id) => {
                self.trees_ahead.push_back(Tree { id, needed_by: by, said: Some(info), of_delta });
                Ok(())
            }
            Immutable::MetaRange(_) | Immutable::Commit(_) => Ok(()),
        }
    }

    /// Begins the check of a range, unless it has been checked against the same description.
    async fn range(&mut self, id: RangeId, info: RangeInfo, by: Immutable, of_delta: bool) -> Result<(), Error> {
        let described = blake3::hash(&info.encode());
        let (described, _) = described.as_bytes().split_first_chunk::<16>().expect("because a hash has 32 bytes");
        if self.ranges.insert(id, *described).is_some_and(|before| before == *described) {
            return Ok(());
        }
        while self.jobs.len() >= self.checks.files_max {
            self.wait_for_job().await?;
        }
        let (checks, runtime) = (self.checks.clone(), Handle::current());
        self.jobs.spawn_blocking(move || runtime.block_on(checks.check(&info, by, of_delta)));
        Ok(())
    }

    async fn wait_for_job(&mut self) -> Result<(), Error> {
        match self.jobs.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(failed)) => Err(Error::Internal(format!("a check ended early: {failed}"))),
            None => Ok(()),
        }
    }
}

async fn bad_range(table: &TableCheck<'_>, bad: BadRange) -> Result<(), Error> {
    match bad {
        BadRange::Corrupt(why) => table.bad_record(None, why).await,
        BadRange::Unsupported(what) => table.send(FaultKind::Unsupported, what).await,
    }
}

/// What a metarange's records say together, as the metarange above must say it too.
#[derive(Default)]
struct Subtree {
    first_key: Option<Vec<u8>>,
    last_key: Option<Vec<u8>>,
    entries: u64,
}

impl Subtree {
    /// Adds the next record; false if it begins before the one before it ends.
    fn add(&mut self, info: &RangeInfo) -> bool {
        self.first_key.get_or_insert_with(|| info.first_key.clone());
        self.entries = self.entries.saturating_add(info.entries);
        let last_before = self.last_key.replace(info.last_key.clone());
        last_before.is_none_or(|last| last < info.first_key)
    }

    fn of(self, table: Facts) -> Facts {
        Facts { first_key: self.first_key.unwrap_or_default(), entries: self.entries, ..table }
    }
}
