//! Copies and moves objects within a repository without copying a byte: entries at new paths with the same addresses.
//! Owns the batches; leaves bytes alone: those of an object that is written over stay, since other refs may have them.
//!
//! One Stage command is atomic and takes 1,000 changes: so many copies, or half as many moves (an entry at the new path,
//! a deletion at the old one). Larger prefixes take several, in the order of paths. If one fails, those before it stay
//! staged; the same call again does the rest (copies are made again to no effect; what was moved is not there to move).
//! A move deletes an object only as it was copied: what others wrote there meanwhile stays.
//! Invariant: no reader finds an object that is moved at neither path.

use auth::{Action, Caller, HiddenPaths, Resource, authorize};
use graveler::{Change, Graveler, ListItem, ListRequest, RefExpr};
use model::{BranchName, Command, Entry, ObjectPath, Repository, RepositoryName, Require, StageOutcome, StagedValue};
use proto::api::InvalidField;

use crate::Error;

/// What to copy, and where to.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// Where.
    pub repository: RepositoryName,
    /// From which ref; a branch's uncommitted changes are seen.
    pub source: RefExpr,
    /// A path, or a prefix if `recursive`.
    pub from: String,
    /// Onto which branch.
    pub branch: BranchName,
    /// A path, or if `recursive` a prefix that takes the place of `from`.
    pub to: String,
    /// Everything whose path begins with `from`, as a listing shows it to the caller.
    pub recursive: bool,
}

/// What to move within a branch.
#[derive(Debug, Clone)]
pub struct MoveRequest {
    /// Where.
    pub repository: RepositoryName,
    /// On which branch.
    pub branch: BranchName,
    /// A path, or a prefix if `recursive`.
    pub from: String,
    /// A path, or if `recursive` a prefix that takes the place of `from`.
    pub to: String,
    /// Everything whose path begins with `from`.
    pub recursive: bool,
}

/// What came of a copy or a move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many objects are at their new paths.
    pub objects: u64,
    /// How many of them are at their old paths too, though they were to move, since others wrote there meanwhile.
    pub kept: u64,
}

/// Copies an object, or all under a prefix, onto a branch.
pub async fn copy_objects(graveler: &Graveler, caller: &Caller, request: &CopyRequest) -> Result<Copied, Error> {
    transfer(graveler, caller, request, Command::STAGED_CHANGES_MAX, false).await
}

/// Moves an object, or all under a prefix, within a branch.
pub async fn move_objects(graveler: &Graveler, caller: &Caller, request: MoveRequest) -> Result<Copied, Error> {
    let MoveRequest { repository, branch, from, to, recursive } = request;
    let source = RefExpr::from(&branch);
    let request = CopyRequest { repository, source, from, branch, to, recursive };
    transfer(graveler, caller, &request, Command::STAGED_CHANGES_MAX / 2, true).await
}

async fn transfer(
    graveler: &Graveler,
    caller: &Caller,
    request: &CopyRequest,
    batch_max: usize,
    remove: bool,
) -> Result<Copied, Error> {
    let CopyRequest { repository, from, .. } = request;
    // Who may not doesn't learn what is there.
    let single = match request.recursive {
        false => Some(from.parse::<ObjectPath>().map_err(|why| InvalidField::new("from", why))?),
        true => None,
    };
    match &single {
        Some(path) => judge(caller, request, path, remove)?,
        None => authorize(caller, Action::ListObjects, &Resource::listing(repository, request.source.base(), from))?,
    }
    let resolved = graveler.resolve_now(repository, &request.source).await?;
    if resolved.branch.as_ref().is_some_and(|source| source.name == request.branch) {
        apart(request)?;
    }
    // What is committed is read as it is now, whatever becomes of the ref meanwhile.
    let source = if resolved.branch.is_some() { request.source.clone() } else { RefExpr::from(resolved.commit) };

    if let Some(path) = single {
        let found = graveler.stat(repository, &source, &path).await?;
        let reference = request.source.to_string();
        let found = found.ok_or_else(|| Error::ObjectNotFound { reference, path: path.clone() })?;
        return stage(graveler, (request, &resolved.repository), vec![(path, found.entry)], remove).await;
    }
    let mut copied = Copied::default();
    let mut page = ListRequest { prefix: from.clone(), amount: batch_max, ..ListRequest::default() };
    loop {
        let hidden = HiddenPaths::new(caller, repository, request.source.base());
        let listing = graveler.list_shown(repository, &source, &page, Box::new(move |path| !hidden.has(path))).await?;
        let objects: Vec<_> = listing.items.into_iter().filter_map(object).collect();
        for (path, _) in &objects {
            judge(caller, request, path, remove)?;
        }
        let staged = stage(graveler, (request, &resolved.repository), objects, remove).await?;
        copied.objects += staged.objects;
        copied.kept += staged.kept;
        match listing.next {
            Some(next) => page.after = next,
            None => return Ok(copied),
        }
    }
}

/// Asks whether a caller may copy or move one object: both ends are questions of their own.
fn judge(caller: &Caller, request: &CopyRequest, path: &ObjectPath, remove: bool) -> Result<(), Error> {
    let CopyRequest { repository, branch, source, .. } = request;
    let to = destination(request, path)?;
    authorize(caller, Action::ReadObject, &Resource::object_of(repository, source.base(), path))?;
    authorize(caller, Action::WriteObject, &Resource::object_of(repository, branch, &to))?;
    if remove {
        authorize(caller, Action::DeleteObject, &Resource::object_of(repository, branch, path))?;
    }
    Ok(())
}

/// Where an object goes.
fn destination(request: &CopyRequest, path: &ObjectPath) -> Result<ObjectPath, InvalidField> {
    let to = format!("{}{}", request.to, &path.as_str()[request.from.len()..]);
    ObjectPath::try_from(to).map_err(|why| InvalidField::new("to", format!("{path}: {why}")))
}

/// Refuses a copy that would find its own copies, or write over what it has yet to copy.
fn apart(request: &CopyRequest) -> Result<(), InvalidField> {
    let CopyRequest { from, to, recursive, .. } = request;
    if from == to {
        return Err(InvalidField::new("to", "must be another path than the source's"));
    }
    if *recursive && (from.starts_with(to.as_str()) || to.starts_with(from.as_str())) {
        return Err(InvalidField::new("to", "one of the prefixes holds the other: go by way of a third prefix"));
    }
    Ok(())
}

/// Stages a batch that was judged in one command, in the repository whose bytes the entries share.
async fn stage(
    graveler: &Graveler,
    (request, within): (&CopyRequest, &Repository),
    objects: Vec<(ObjectPath, Entry)>,
    remove: bool,
) -> Result<Copied, Error> {
    let branch = &request.branch;
    let mut copied = Copied { objects: objects.len() as u64, kept: 0 };
    let now = graveler.clock().now();
    let mut changes = Vec::with_capacity(objects.len() * 2);
    for (path, entry) in objects {
        let to = destination(request, &path)?;
        let require = Some(Require::Same(Box::new(entry.clone())));
        let value = StagedValue::Entry(Entry { last_modified: now, ..entry });
        changes.push(Change { path: to, value, require: None });
        if remove {
            changes.push(Change { path, value: StagedValue::Tombstone, require });
        }
    }
    let outcomes = graveler.stage_in(within, branch, changes).await?;
    copied.kept = outcomes.iter().filter(|outcome| **outcome == StageOutcome::ConditionFailed).count() as u64;
    Ok(copied)
}

fn object(item: ListItem) -> Option<(ObjectPath, Entry)> {
    match item {
        ListItem::Object(path, entry) => Some((path, entry)),
        ListItem::CommonPrefix(_) => None,
    }
}
