//! Imports objects from where they lie into a branch: list, write ranges, lay them over the head, publish. No byte of an
//! object is read or copied, and nothing is staged: what is uncommitted on the branch stays so.
//! Invariants: the branch gets all of an import by one commit, or nothing of it, and nothing if one of its objects may not
//! be read or written; a run that goes on where another was cut off comes to the same.

mod listing;
mod notes;
mod rights;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{Action, Caller, Resource, authorize};
use graveler::{Built, CommitInfo, Graveler, ImportCheckpoint, Progress, RefExpr};
use model::{BranchName, ObjectPath, Repository, RepositoryName};
use proto::api::InvalidField;
use serde_json::json;
use storage::{ListGauge, canonical};

use self::listing::{Destination, Opened, Unusable, merged};
pub use self::notes::unreadable_imports;
use self::rights::{Owners, SourceRights};
use super::actions::{About, refuse_hooks};
use super::merge::{MERGE_STRATEGY, SOURCE_WINS};
use crate::Error;
use crate::commit_queue::{CommitQueues, RequestContext};

/// What a commit says whose importer doesn't say anything.
const MESSAGE_DEFAULT: &str = "Import objects";
/// How many sources one import may have.
pub const SOURCES_MAX: usize = 100;

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Where.
    pub repository: RepositoryName,
    /// Onto which branch.
    pub branch: BranchName,
    /// From where, and to which paths.
    pub sources: Vec<ImportSource>,
    /// Why.
    pub message: String,
    /// What else to say with the commit.
    pub metadata: BTreeMap<String, String>,
    /// Leaves out what can't be imported, instead of failing.
    pub skip_unusable: bool,
}

/// One source of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportSource {
    /// All objects under a folder, at their keys after it under a prefix.
    Prefix {
        /// The folder's URL.
        from: String,
        /// What their paths begin with; a slash is added where one is missing. Empty for the top.
        to: String,
    },
    /// One object.
    Object {
        /// Its URL.
        from: String,
        /// Its path.
        to: ObjectPath,
    },
}

impl ImportSource {
    /// Where it lies, as its importer writes it.
    fn from(&self) -> &str {
        match self {
            Self::Prefix { from, .. } | Self::Object { from, .. } => from,
        }
    }

    /// Where it lies, as a URL in its one form; that of a folder ends with a slash.
    fn url(&self) -> String {
        match self {
            Self::Prefix { from, .. } if from.ends_with('/') => canonical(from),
            Self::Prefix { from, .. } => canonical(&format!("{from}/")),
            Self::Object { from, .. } => canonical(from),
        }
    }
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The commit that has the objects.
    pub built: Built,
    /// How many objects were imported.
    pub objects: u64,
    /// How many were left out, since they can't be imported.
    pub skipped: u64,
}

/// A run of an import: what it tells while it goes on, and what an earlier run left.
pub struct ImportRun<'a> {
    /// Counts objects.
    pub progress: Progress,
    /// What an earlier run kept last; empty for the first run.
    pub checkpoint: Vec<u8>,
    /// Keeps what the next run may go on from.
    pub keep: &'a (dyn Fn(Vec<u8>) + Send + Sync),
    /// When a step ends, with which that is kept.
    pub steps: ImportSteps,
}

/// How much an import does between two checkpoints: so much is done again after a crash.
#[derive(Debug, Clone, Copy)]
pub struct ImportSteps {
    /// So many objects.
    pub objects_max: u64,
    /// So long.
    pub time_max: Duration,
}

impl Default for ImportSteps {
    fn default() -> Self {
        Self { objects_max: 1 << 20, time_max: Duration::from_secs(20) }
    }
}

/// Imports objects. Dropping the future ends it, and leaves files that nothing refers to but what was kept. `context` says,
/// of the numbers of objects that were imported and left out, how the publication remembers the request.
pub async fn import(
    queues: &CommitQueues,
    caller: &Caller,
    request: &ImportRequest,
    run: ImportRun<'_>,
    context: &(dyn Fn(u64, u64) -> RequestContext + Send + Sync),
) -> Result<Imported, Error> {
    let ImportRequest { repository: name, branch, .. } = request;
    let rights = source_rights(caller, request)?;
    let graveler = queues.graveler();
    let repository = graveler.meta().repository(name).await?;
    repository.open_to_writes(branch)?;
    graveler.meta().branch(name, branch).await?;
    let owners = Arc::new(Owners::new(graveler, caller));
    let sources = open(graveler, request, rights, &owners).await?;
    let progress = run.progress.clone();

    progress.set_stage("listing and writing");
    let built = build(graveler, &repository, sources, request.skip_unusable, run).await;
    let (imported, skipped) = built.map_err(|error| owners.refusal().map_or(error, Error::from))?;

    progress.set_stage("committing");
    let objects = imported.objects;
    let head = graveler.meta().branch(name, branch).await?.commit;
    let built = graveler.build_imported(&repository, &head, &imported, &info(graveler, caller, request)).await?;
    // Before the commit, so that no place is missing of what is committed.
    notes::note_places(graveler, name, &request.sources).await?;
    // With what was imported.
    refuse_hooks(graveler, &repository, &RefExpr::from(built.id), About::Commit, branch).await?;
    let built = queues.append(&repository, branch, built, head, &context(objects, skipped)).await?;
    let (commit, user) = (built.id, &caller.user.name);
    tracing::info!(repository = %name, %branch, %commit, objects, skipped, %user, "imported");
    notes::note_time(graveler, name, &built.commit).await;
    Ok(Imported { built, objects, skipped })
}

/// Whether the caller may import so, as far as that can be said before anything is listed.
pub(crate) fn may_import(caller: &Caller, request: &ImportRequest) -> Result<(), Error> {
    source_rights(caller, request).map(drop)
}

fn source_rights(caller: &Caller, request: &ImportRequest) -> Result<Vec<SourceRights>, Error> {
    let ImportRequest { repository, branch, sources, .. } = request;
    authorize(caller, Action::CreateCommit, &Resource::branch(repository, branch))?;
    sources.iter().map(|source| SourceRights::new(caller, repository, branch, source)).collect()
}

/// Opens all sources, so that one that isn't allowed is told at once.
async fn open(
    graveler: &Graveler,
    request: &ImportRequest,
    rights: Vec<SourceRights>,
    owners: &Arc<Owners>,
) -> Result<Vec<Opened>, Error> {
    if request.sources.len() > SOURCES_MAX {
        return Err(InvalidField::new("paths", format!("name at most {SOURCES_MAX} of them")).into());
    }
    let mut opened = Vec::new();
    for (source, rights) in request.sources.iter().zip(rights) {
        let (url, stores) = (source.url(), graveler.stores());
        let (source, destination) = match source {
            ImportSource::Prefix { to, .. } => (stores.source(&url).await, Destination::Prefix(as_folder(to)?)),
            ImportSource::Object { to, .. } => (stores.source_object(&url).await, Destination::Object(to.clone())),
        };
        let source = source.map_err(graveler::Error::from)?;
        opened.push(Opened { source, destination, rights, owners: Arc::clone(owners) });
    }
    Ok(opened)
}

fn as_folder(to: &str) -> Result<String, InvalidField> {
    if to.len() >= model::PATH_BYTES_MAX {
        return Err(InvalidField::new("destination", format!("must have less than {} bytes", model::PATH_BYTES_MAX)));
    }
    Ok(if to.is_empty() || to.ends_with('/') { to.to_owned() } else { format!("{to}/") })
}

/// Lists the sources and writes a tree of their objects, step by step. Says what is in it and how many were left out.
async fn build(
    graveler: &Graveler,
    repository: &Repository,
    sources: Vec<Opened>,
    skip: bool,
    run: ImportRun<'_>,
) -> Result<(ImportCheckpoint, u64), Error> {
    let ImportRun { progress, checkpoint, keep, steps } = run;
    let (mut imported, skipped_before) = decode(&checkpoint)?;
    progress.add_objects(imported.objects);
    let unusable = Unusable::default();
    let mut rest = Some(merged(sources, imported.last.as_ref(), &unusable, skip, &ListGauge::default()));
    while let Some(listing) = rest {
        let begun = Instant::now();
        let is_enough = move |taken| taken >= steps.objects_max || (taken > 0 && begun.elapsed() >= steps.time_max);
        let step = graveler.import_step(repository, imported, listing, is_enough, &progress).await?;
        (imported, rest) = (step.checkpoint, step.rest);
        // What can't be imported has to be told at the end, so that no later run may go on after it.
        if skip || unusable.count() == 0 {
            keep(encode(&imported, skipped_before + unusable.count()));
        }
    }
    match unusable.count() {
        0 => Ok((imported, skipped_before)),
        count if skip => Ok((imported, skipped_before + count)),
        _ => Err(graveler::Error::Invalid(unusable.report()).into()),
    }
}

fn info(graveler: &Graveler, caller: &Caller, request: &ImportRequest) -> CommitInfo {
    let message = match request.message.as_str() {
        "" => MESSAGE_DEFAULT,
        message => message,
    };
    let mut metadata = request.metadata.clone();
    metadata.insert(MERGE_STRATEGY.to_owned(), SOURCE_WINS.to_owned());
    CommitInfo {
        committer: caller.committer().to_owned(),
        message: message.to_owned(),
        metadata,
        created_at: graveler.clock().now(),
        // As in lakeFS: who imports the same again, or nothing, finds a commit that says so.
        allow_empty: true,
    }
}

fn encode(imported: &ImportCheckpoint, skipped: u64) -> Vec<u8> {
    let ImportCheckpoint { tree, last, objects } = imported;
    let (tree, last) = (tree.map(|id| id.to_string()), last.as_ref().map(ObjectPath::as_str));
    json!({ "tree": tree, "last": last, "objects": objects, "skipped": skipped }).to_string().into_bytes()
}

/// Reads what [`encode`] wrote; of nothing, the beginning.
fn decode(checkpoint: &[u8]) -> Result<(ImportCheckpoint, u64), Error> {
    if checkpoint.is_empty() {
        return Ok((ImportCheckpoint::default(), 0));
    }
    let read = || {
        let value: serde_json::Value = serde_json::from_slice(checkpoint).ok()?;
        let tree = value["tree"].as_str().map(str::parse).transpose().ok()?;
        let last = value["last"].as_str().map(str::parse).transpose().ok()?;
        let imported = ImportCheckpoint { tree, last, objects: value["objects"].as_u64()? };
        Some((imported, value["skipped"].as_u64()?))
    };
    let damaged = || graveler::Error::Internal("an import's checkpoint can't be read".to_owned());
    Ok(read().ok_or_else(damaged)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_read_back() {
        let imported = ImportCheckpoint {
            tree: Some("ab".repeat(32).parse().unwrap()),
            last: Some("a/é\"b".parse().unwrap()),
            objects: 7,
        };
        for imported in [imported, ImportCheckpoint::default()] {
            assert_eq!(decode(&encode(&imported, 3)).unwrap(), (imported, 3));
        }
        assert_eq!(decode(b"").unwrap(), (ImportCheckpoint::default(), 0));
        assert!(decode(b"{}").is_err());
    }

    #[test]
    fn a_destination_is_a_folder() {
        assert_eq!(["", "a", "a/"].map(|to| as_folder(to).unwrap()), ["", "a/", "a/"]);
        assert!(as_folder(&"a".repeat(model::PATH_BYTES_MAX)).is_err());
    }
}
