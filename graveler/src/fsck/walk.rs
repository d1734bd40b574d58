//! The walk of a check: all commits that the roots reach, then each metarange once, and each range once as its first
//! metarange names it. Owns what has been seen (some 100 bytes a commit, some 50 a metarange or range) and how many
//! files are checked at a time. Invariant: a file that many others refer to is read once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use model::{Commit, CommitId, MetaRangeId, RangeId};
use storage::{Immutable, RepositoryStorage, StorageError};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::fault::Report;
use super::records::RangeChecks;
use super::table::TableCheck;
use super::{Fault, FaultKind, FsckEvent, FsckOptions, FsckSummary, as_fault};
use crate::Error;
use crate::history::commit_object::{BadCommit, decode};
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

/// A check under way.
pub(super) struct Walk {
    checks: RangeChecks,
    frontier: VecDeque<(Referrer, CommitId)>,
    reached: HashSet<CommitId>,
    nodes: HashMap<CommitId, Node>,
    trees: HashSet<MetaRangeId>,
    trees_ahead: VecDeque<(CommitId, MetaRangeId)>,
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
    pub(super) async fn run(mut self) -> Result<FsckSummary, Error> {
        self.commits().await?;
        self.generations().await?;
        while let Some((commit, tree)) = self.trees_ahead.pop_front() {
            self.tree(tree, commit).await?;
        }
        while !self.jobs.is_empty() {
            self.wait_for_job().await?;
        }
        self.report().progress();
        Ok(self.report().summary())
    }

    fn report(&self) -> &Report {
        &self.checks.report
    }

    /// Reads all commits, several at a time.
    async fn commits(&mut self) -> Result<(), Error> {
        let storage = self.checks.storage.clone();
        let mut reads = FuturesUnordered::new();
        loop {
            while reads.len() < self.checks.options.files_max.max(1)
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
            self.trees_ahead.push_back((id, tree));
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

    /// Checks a metarange, and begins the checks of those of its ranges that are new.
    async fn tree(&mut self, id: MetaRangeId, commit: CommitId) -> Result<(), Error> {
        let object = Immutable::MetaRange(id);
        let (storage, report) = (self.checks.storage.clone(), self.checks.report.clone());
        let needed_by = Immutable::Commit(commit).to_string();
        let Some(mut table) = TableCheck::open(&storage, &report, object, needed_by, None).await? else {
            return Ok(());
        };
        report.count(|counted| &counted.metaranges, 1);
        let mut last_key: Option<Vec<u8>> = None;
        while let Some((block, _)) = table.next().await? {
            for (key, value) in (0..block.entries()).map(|at| block.entry(at)) {
                let info = match RangeInfo::decode(key, value) {
                    Ok(info) => info,
                    Err(BadRange::Corrupt(why)) => {
                        table.bad_record(None, why).await?;
                        continue;
                    }
                    Err(BadRange::Unsupported(what)) => {
                        table.send(FaultKind::Unsupported, what).await?;
                        continue;
                    }
                };
                if last_key.as_ref().is_some_and(|last| *last >= info.first_key) {
                    let why = format!("the range {} overlaps the one before it", info.id);
                    table.bad_record(None, why).await?;
                }
                last_key = Some(info.last_key.clone());
                self.range(info, object).await?;
            }
        }
        table.finish().await?;
        Ok(())
    }

    /// Begins the check of a range, unless it has been checked against the same description.
    async fn range(&mut self, info: RangeInfo, metarange: Immutable) -> Result<(), Error> {
        let described = blake3::hash(&info.encode());
        let (described, _) = described.as_bytes().split_first_chunk::<16>().expect("because a hash has 32 bytes");
        if self.ranges.insert(info.id, *described).is_some_and(|before| before == *described) {
            return Ok(());
        }
        while self.jobs.len() >= self.checks.options.files_max.max(1) {
            self.wait_for_job().await?;
        }
        let (checks, runtime) = (self.checks.clone(), Handle::current());
        self.jobs.spawn_blocking(move || runtime.block_on(checks.check(&info, metarange)));
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
