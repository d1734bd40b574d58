//! Lakebed in one process, as `lakebed run` composes it: metadata service, graveler, and an administrator; with counters
//! in between. Owns that composition; `lakebed` serves it over S3, other rows use it in process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use api_server::bootstrap_administrator;
use api_server::commit_queue::{CommitQueues, RequestContext};
use api_server::flows::{self, CommitRequest};
use auth::{Caller, Directory, DirectoryOptions, NewCredentials, SecretBox};
use graveler::{Change, Graveler, GravelerOptions};
use metadata_server::{MetadataOptions, MetadataServer};
use model::{
    Address, BranchName, Command, CommitId, Entry, MetaStore, RepositoryName, RequestId, Stage, StagedChange,
    StagedValue, SystemClock, Timestamp,
};
use proto::metadata::{Stamped, encode_command};
use storage::testing::Counters;

use super::Counts;
use super::counts::{Asked, CountingMeta};

/// A running Lakebed.
pub(crate) struct Lake {
    /// Its library.
    pub(crate) graveler: Graveler,
    /// Its branches' queues.
    pub(crate) queues: CommitQueues,
    /// Opens its keys.
    pub(super) secrets: SecretBox,
    /// The administrator's key.
    pub(super) keys: NewCredentials,
    /// The administrator.
    pub(crate) caller: Caller,
    metadata: MetadataServer,
    asked: Arc<Asked>,
    store: Counters,
}

impl Lake {
    /// Starts one that keeps everything in a new folder.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let (stores, store) = super::open_store(&folder.join(super::OBJECTS)).await?;
        let clock = Arc::new(SystemClock);
        let metadata = MetadataServer::start(MetadataOptions::new(folder.join("metadata"), clock.clone())).await?;
        let asked = Arc::new(Asked::default());
        let meta: Arc<dyn MetaStore> = Arc::new(CountingMeta { meta: metadata.store(), asked: asked.clone() });
        let secrets = SecretBox::from_text(&SecretBox::generate_key())?;
        let keys = bootstrap_administrator(&*meta, &secrets, None).await?.context("the folder isn't new")?;
        let access_key_id = keys.access_key_id.clone();
        let directory = Directory::new(meta.clone(), clock.clone(), secrets.clone(), DirectoryOptions::default());
        let known = directory.key(&access_key_id).await?;
        let caller = directory.caller(&known, None);
        let graveler = Graveler::new(meta, stores, clock, GravelerOptions::default());
        let queues = CommitQueues::new(graveler.clone());
        Ok(Self { graveler, queues, secrets, keys, caller, metadata, asked, store })
    }

    /// Makes a repository.
    pub(crate) async fn create_repository(&self, name: &RepositoryName) -> Result<()> {
        let request = RequestId(rand::random());
        self.graveler.create_repository(request, name, None, &main_branch(), self.caller.committer()).await?;
        Ok(())
    }

    /// Stages so many objects that have no bytes.
    pub(crate) async fn stage_many(&self, repository: &RepositoryName, objects: usize) -> Result<()> {
        let changes: Vec<Change> = (0..objects)
            .map(|number| {
                let path = format!("table/part-{number:08}.parquet").parse()?;
                Ok(Change { path, value: StagedValue::Entry(short_entry(number as u64)), require: None })
            })
            .collect::<Result<_>>()?;
        for some in changes.chunks(Command::STAGED_CHANGES_MAX) {
            self.graveler.stage(repository, &main_branch(), some.to_vec()).await?;
        }
        Ok(())
    }

    /// Commits what is staged.
    pub(crate) async fn commit(&self, repository: &RepositoryName) -> Result<CommitId> {
        let request = CommitRequest {
            repository: repository.clone(),
            branch: main_branch(),
            message: "bench".into(),
            metadata: BTreeMap::new(),
            allow_empty: false,
            created_at: None,
        };
        Ok(flows::commit(&self.queues, &self.caller, &request, &RequestContext::default()).await?.id)
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        let log = self.metadata.counters();
        let counts = Counts { log_entries: log.log_entries, log_fsyncs: log.log_fsyncs, ..self.asked.counts() };
        counts.with_store(&self.store)
    }

    /// Ends it.
    pub(crate) async fn end(self) {
        self.metadata.shutdown().await;
    }
}

/// The repository of the S3 rows.
pub(crate) fn repository() -> RepositoryName {
    "bench".parse().expect("because it is a valid name")
}

/// The branch that repositories begin with.
pub(crate) fn main_branch() -> BranchName {
    "main".parse().expect("because it is a valid name")
}

/// Made once: what it costs to make one isn't what is measured.
static ENTRY: LazyLock<Entry> = LazyLock::new(|| short_entry(0));

/// The command that stages one object, as a PUT does.
pub(crate) fn stage_one(repository: RepositoryName, number: u64) -> Command {
    let path = format!("put/{number:012}").parse().expect("because it is a valid path");
    let change = StagedChange { path, value: StagedValue::Entry(ENTRY.clone()), condition: None, once: None };
    Command::Stage(Stage { repository, uid: None, branch: main_branch(), changes: vec![change] })
}

/// What Lakebed's log holds of that command, but for a header of 18 bytes.
pub(crate) fn staged_record() -> Vec<u8> {
    encode_command(&Stamped { time: Timestamp::default(), command: stage_one(repository(), 0) })
}

/// An entry as long as that of an object that was put with no metadata.
pub(crate) fn short_entry(number: u64) -> Entry {
    Entry {
        address: Address::Relative(format!("data/0069200000-00000000/{number:032x}")),
        last_modified: Timestamp::from_millis(1_700_000_000_000),
        size: 1024,
        e_tag: format!("{number:032x}"),
        content_type: "binary/octet-stream".into(),
        metadata: BTreeMap::new(),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}
