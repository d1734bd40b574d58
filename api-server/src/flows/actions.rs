//! Refuses what would call for hooks, since this version runs none: a check that somebody relies on is never left out in
//! silence. Owns which files are looked at and when; leaves their form to `hooks`. The files themselves are objects as any
//! other: who deletes them on a branch and commits has said that they don't count.
//!
//! As in lakeFS, a commit looks at its branch with what is staged, and a merge at its source. Where there are no action
//! files, as nearly everywhere, that is two seeks. What happens to branches and tags alone isn't looked at, since it costs
//! nothing by promise; so a commit refuses files with such events at once. Invariant: what can't be read is refused.

use futures::TryStreamExt;
use futures::future::try_join_all;
use graveler::{Graveler, ListItem, ListRequest, RefExpr, Replay};
use hooks::{Action, Event, FILE_BYTES_MAX, FOLDERS};
use model::{BranchName, Entry, ObjectPath, Refusal, Repository};

use crate::Error;

/// How many action files a folder may have.
const FILES_MAX: usize = 100;

/// What is about to happen to a branch.
#[derive(Debug, Clone, Copy)]
pub(super) enum About {
    /// A commit of what is staged, or imported.
    Commit,
    /// A merge into it.
    Merge,
    /// A commit's change is taken back or made again.
    Replay(Replay),
}

impl About {
    /// The events that are due then.
    const fn due(self) -> &'static [Event] {
        match self {
            Self::Commit => &[Event::PrepareCommit, Event::PreCommit, Event::PostCommit],
            Self::Merge => &[Event::PreMerge, Event::PostMerge],
            Self::Replay(Replay::Revert) => &[Event::PreRevert, Event::PostRevert],
            Self::Replay(Replay::CherryPick) => &[Event::PreCherryPick, Event::PostCherryPick],
        }
    }

    /// The events that no other look would find.
    const fn otherwise_missed(self) -> &'static [Event] {
        match self {
            Self::Commit => &[
                Event::PreCreateBranch,
                Event::PostCreateBranch,
                Event::PreDeleteBranch,
                Event::PostDeleteBranch,
                Event::PreCreateTag,
                Event::PostCreateTag,
                Event::PreDeleteTag,
                Event::PostDeleteTag,
            ],
            Self::Merge | Self::Replay(_) => &[],
        }
    }
}

/// Refuses what is about to happen to a branch if an action in `declared_in` has hooks for it.
pub(super) async fn refuse_hooks(
    graveler: &Graveler,
    repository: &Repository,
    declared_in: &RefExpr,
    about: About,
    branch: &BranchName,
) -> Result<(), Error> {
    let found = try_join_all(FOLDERS.map(|folder| files(graveler, repository, declared_in, folder))).await;
    let found = found.map_err(|error| match error {
        Error::Graveler(graveler::Error::RefNotFound(name)) if name == branch.as_str() => {
            Refusal::BranchNotFound(branch.clone()).into()
        }
        error => error,
    })?;
    for (path, entry) in found.into_iter().flatten() {
        let judged = match read(graveler, repository, &entry).await? {
            Ok(text) => judge(&text, about, branch),
            Err(why) => Err(why),
        };
        judged.map_err(|why| Error::HooksDue { path, why })?;
    }
    Ok(())
}

/// The error says why the hooks of a file stand in the way.
fn judge(text: &str, about: About, branch: &BranchName) -> Result<(), String> {
    let action = Action::parse(text).map_err(|why| format!("it can't be read as an action ({why})"))?;
    if let Some(event) = about.due().iter().find(|event| action.fires(**event, branch)) {
        return Err(format!("it has hooks on {event} that fit branch {branch}"));
    }
    match about.otherwise_missed().iter().find(|event| action.has(**event)) {
        Some(event) => Err(format!("it has hooks on {event}")),
        None => Ok(()),
    }
}

/// The files right in a folder.
async fn files(
    graveler: &Graveler,
    repository: &Repository,
    declared_in: &RefExpr,
    folder: &str,
) -> Result<Vec<(ObjectPath, Entry)>, Error> {
    let delimiter = Some("/".to_owned());
    let request = ListRequest { prefix: folder.to_owned(), delimiter, after: String::new(), amount: FILES_MAX + 1 };
    let listing = graveler.list(&repository.name, declared_in, &request).await?;
    let mut files = Vec::new();
    for item in listing.items {
        match item {
            // Some tools write an empty object for a folder.
            ListItem::Object(path, entry) if path.as_str() != folder || entry.size > 0 => files.push((path, entry)),
            ListItem::Object(..) | ListItem::CommonPrefix(_) => {}
        }
    }
    match files.get(FILES_MAX) {
        None => Ok(files),
        Some((path, _)) => {
            Err(Error::HooksDue { path: path.clone(), why: format!("{folder} has more than {FILES_MAX} files") })
        }
    }
}

/// Reads a file; the error inside says why it is none that can be judged.
async fn read(graveler: &Graveler, repository: &Repository, entry: &Entry) -> Result<Result<String, String>, Error> {
    if entry.size > FILE_BYTES_MAX {
        return Ok(Err(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let body = graveler.read(repository, entry, 0..entry.size).await?;
    let bytes: Vec<_> = body.try_collect().await.map_err(graveler::Error::Body)?;
    Ok(String::from_utf8(bytes.concat()).map_err(|_| "it isn't text".to_owned()))
}
