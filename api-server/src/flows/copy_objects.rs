//! Copies and moves objects within a repository without copying a byte: entries at new paths with the same addresses.
//! Owns the batches; leaves bytes alone: those of an object that is written over stay, since other refs may have them.
//!
//! One Stage command is atomic and takes 1,000 changes: so many copies, or half as many moves (an entry at the new path,
//! a deletion at the old one). Larger prefixes take several, in the order of paths. If one fails, those before it stay
//! staged; the same call again does the rest (copies are made again to no effect; what was moved is not there to move).
//! A move deletes an object only as it was copied: what others wrote there meanwhile stays.
//! Invariant: no reader finds an object that is moved at neither path; a preview is the same walk and judgement, without
//! the command at the end of each batch.

use auth::{Action, Caller, HiddenPaths, Resource, authorize};
use futures::stream::{self, BoxStream, StreamExt};
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

impl From<MoveRequest> for CopyRequest {
    fn from(request: MoveRequest) -> Self {
        let MoveRequest { repository, branch, from, to, recursive } = request;
        Self { repository, source: RefExpr::from(&branch), from, branch, to, recursive }
    }
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
pub async fn copy_objects(graveler: &Graveler, caller: &Caller, request: CopyRequest) -> Result<Copied, Error> {
    carry_out(graveler, caller, Kind::Copy, request).await
}

/// Moves an object, or all under a prefix, within a branch.
pub async fn move_objects(graveler: &Graveler, caller: &Caller, request: MoveRequest) -> Result<Copied, Error> {
    carry_out(graveler, caller, Kind::Move, request.into()).await
}

/// Where each object of a copy goes that may be made, a page at a time.
pub type CopyPreview = BoxStream<'static, Result<Vec<(ObjectPath, ObjectPath)>, Error>>;

/// Refuses what [`copy_objects`] would refuse, and tells what it would copy.
pub async fn preview_copy(graveler: Graveler, caller: Caller, request: CopyRequest) -> Result<CopyPreview, Error> {
    preview(graveler, caller, Kind::Copy, request).await
}

/// Refuses what [`move_objects`] would refuse, and tells what it would move.
pub async fn preview_move(graveler: Graveler, caller: Caller, request: MoveRequest) -> Result<CopyPreview, Error> {
    preview(graveler, caller, Kind::Move, request.into()).await
}

/// What becomes of the objects at their old paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Copy,
    Move,
}

impl Kind {
    /// How many objects one command takes.
    fn batch_max(self) -> usize {
        match self {
            Self::Copy => Command::STAGED_CHANGES_MAX,
            Self::Move => Command::STAGED_CHANGES_MAX / 2,
        }
    }
}

async fn carry_out(graveler: &Graveler, caller: &Caller, kind: Kind, request: CopyRequest) -> Result<Copied, Error> {
    let mut transfer = Transfer::begin(graveler, caller, kind, request).await?;
    let mut copied = Copied::default();
    while let Some(objects) = transfer.next(graveler, caller).await? {
        let staged = transfer.stage(graveler, objects).await?;
        copied.objects += staged.objects;
        copied.kept += staged.kept;
    }
    Ok(copied)
}

async fn preview(graveler: Graveler, caller: Caller, kind: Kind, request: CopyRequest) -> Result<CopyPreview, Error> {
    let transfer = Transfer::begin(&graveler, &caller, kind, request).await?;
    let CopyRequest { repository, branch, .. } = &transfer.request;
    // What the command that stages asks.
    transfer.repository.open_to_writes(branch)?;
    graveler.meta().branch(repository, branch).await?;
    let pages = stream::try_unfold((transfer, graveler, caller), |(mut transfer, graveler, caller)| async move {
        let Some(objects) = transfer.next(&graveler, &caller).await? else { return Ok(None) };
        let mut goes = Vec::with_capacity(objects.len());
        for (path, _) in objects {
            let to = destination(&transfer.request, &path)?;
            goes.push((path, to));
        }
        Ok(Some((goes, (transfer, graveler, caller))))
    });
    Ok(pages.boxed())
}

/// A copy or move on its way through its source.
struct Transfer {
    kind: Kind,
    request: CopyRequest,
    /// Whose bytes the entries share.
    repository: Repository,
    /// What is read. Committed objects are read from the commit that the ref named at the beginning, even if the ref moves.
    source: RefExpr,
    rest: Rest,
}

/// What of the source is still to come.
enum Rest {
    One(ObjectPath),
    Listing(ListRequest),
    Nothing,
}

impl Transfer {
    /// Judges all that can be judged before anything is listed. Who may not doesn't learn what is there.
    async fn begin(graveler: &Graveler, caller: &Caller, kind: Kind, request: CopyRequest) -> Result<Self, Error> {
        let CopyRequest { repository, from, .. } = &request;
        let rest = match request.recursive {
            true => {
                authorize(caller, Action::ListObjects, &Resource::listing(repository, request.source.base(), from))?;
                Rest::Listing(ListRequest { prefix: from.clone(), amount: kind.batch_max(), ..ListRequest::default() })
            }
            false => {
                let path = from.parse::<ObjectPath>().map_err(|why| InvalidField::new("from", why))?;
                judge(caller, kind, &request, &path)?;
                Rest::One(path)
            }
        };
        let resolved = graveler.resolve_now(repository, &request.source).await?;
        if resolved.branch.as_ref().is_some_and(|source| source.name == request.branch) {
            apart(&request)?;
        }
        let source = if resolved.branch.is_some() { request.source.clone() } else { RefExpr::from(resolved.commit) };
        Ok(Self { kind, request, repository: resolved.repository, source, rest })
    }

    /// Finds the next objects, which one command takes, and judges each; none at the end.
    async fn next(&mut self, graveler: &Graveler, caller: &Caller) -> Result<Option<Vec<(ObjectPath, Entry)>>, Error> {
        let CopyRequest { repository, source: named, .. } = &self.request;
        match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => Ok(None),
            Rest::One(path) => {
                let found = graveler.stat(repository, &self.source, &path).await?;
                let found =
                    found.ok_or_else(|| Error::ObjectNotFound { reference: named.to_string(), path: path.clone() })?;
                Ok(Some(vec![(path, found.entry)]))
            }
            Rest::Listing(page) => {
                let hidden = HiddenPaths::new(caller, repository, named.base());
                let is_shown = Box::new(move |path: &str| !hidden.has(path));
                let listing = graveler.list_shown(repository, &self.source, &page, is_shown).await?;
                let objects: Vec<_> = listing.items.into_iter().filter_map(object).collect();
                for (path, _) in &objects {
                    judge(caller, self.kind, &self.request, path)?;
                }
                if let Some(after) = listing.next {
                    self.rest = Rest::Listing(ListRequest { after, ..page });
                }
                Ok(Some(objects))
            }
        }
    }

    /// Stages a batch that was judged in one command.
    async fn stage(&self, graveler: &Graveler, objects: Vec<(ObjectPath, Entry)>) -> Result<Copied, Error> {
        let mut copied = Copied { objects: objects.len() as u64, kept: 0 };
        let now = graveler.clock().now();
        let mut changes = Vec::with_capacity(objects.len() * 2);
        for (path, entry) in objects {
            let to = destination(&self.request, &path)?;
            let require = Some(Require::Same(Box::new(entry.clone())));
            let value = StagedValue::Entry(Entry { last_modified: now, ..entry });
            changes.push(Change { path: to, value, require: None });
            if self.kind == Kind::Move {
                changes.push(Change { path, value: StagedValue::Tombstone, require });
            }
        }
        let outcomes = graveler.stage_in(&self.repository, &self.request.branch, changes).await?;
        copied.kept = outcomes.iter().filter(|outcome| **outcome == StageOutcome::ConditionFailed).count() as u64;
        Ok(copied)
    }
}

/// Asks whether a caller may copy or move one object: both ends are questions of their own.
fn judge(caller: &Caller, kind: Kind, request: &CopyRequest, path: &ObjectPath) -> Result<(), Error> {
    let CopyRequest { repository, branch, source, .. } = request;
    let to = destination(request, path)?;
    authorize(caller, Action::ReadObject, &Resource::object_of(repository, source.base(), path))?;
    authorize(caller, Action::WriteObject, &Resource::object_of(repository, branch, &to))?;
    if kind == Kind::Move {
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
        return Err(InvalidField::new(
            "to",
            "must be no prefix that holds the source's or lies in it: go by way of a third one",
        ));
    }
    Ok(())
}

fn object(item: ListItem) -> Option<(ObjectPath, Entry)> {
    match item {
        ListItem::Object(path, entry) => Some((path, entry)),
        ListItem::CommonPrefix(_) => None,
    }
}
