//! Checks a repository from its refs down to its data objects: every file's hash, order and size, and that each file
//! says of those under it what they are. Owns the walk and its bounds; the formats belong to `history`, `tree` and
//! [`crate::sstable`].
//!
//! `walk` goes from commits to metaranges to ranges, `table` checks one file, `records` what a range holds, `objects` the
//! data objects that it names, `uncommitted` those that are staged on a branch. Reads past the caches, since what was cached
//! may have been damaged since. Nothing is written.
//! Invariant: damage is data: it is reported, and the walk goes on with all that the damage doesn't hide.

mod fault;
mod objects;
mod records;
mod table;
mod uncommitted;
mod walk;

#[cfg(test)]
mod tests;

use model::{Branch, CheckSummary, CommitId, ListBranches, ListTags, PageRequest, Repository, RepositoryName, Tag};
use storage::{RepositoryStorage, StorageError};
use tokio::sync::mpsc::Sender;

pub use fault::{Fault, FaultKind, FsckEvent};

use crate::boxed;
use crate::graveler::Work;
use crate::{Error, Graveler, RefExpr};
use walk::{Referrer, Walk};

/// How many refs one question to the metadata service asks for.
const REFS_PAGE: usize = 1000;

/// How far a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataCheck {
    /// Data objects aren't looked at.
    Skip,
    /// They are there and have their sizes: one request an object.
    Size,
    /// The ETags that the store gives with the sizes are compared too, where these tell of bytes. Where one differs, the
    /// bytes are read and decide.
    #[default]
    ETag,
    /// Their bytes are read too and compared with their ETags, where those are an MD5 (not of multipart uploads).
    Bytes,
}

/// What to check, and how much at a time.
#[derive(Debug, Clone)]
pub struct FsckOptions {
    /// How far data objects are checked.
    pub data: DataCheck,
    /// Files that are checked at a time.
    pub files_max: usize,
    /// Data objects that are asked for at a time, for each of those files.
    pub requests_max: usize,
}

impl Default for FsckOptions {
    fn default() -> Self {
        Self { data: DataCheck::ETag, files_max: 8, requests_max: 16 }
    }
}

impl Graveler {
    /// Checks what a ref reaches, or else all that any branch or tag reaches: its commits, their trees and their data
    /// objects, and those of what is uncommitted on a branch. Faults and progress are sent as they are found; the check
    /// waits for a receiver that is slow, and ends when it is gone.
    ///
    /// Fails only when it can't go on: the metadata service or the object store can't be asked.
    #[boxed]
    pub async fn fsck(
        &self,
        repository: &RepositoryName,
        from: Option<&RefExpr>,
        options: FsckOptions,
        events: Sender<FsckEvent>,
    ) -> Result<CheckSummary, Error> {
        let record = self.meta().repository(repository).await?;
        let storage = self.stores().repository(&record.namespace)?;
        let root = match from {
            Some(expr) => Some((Referrer::Ref(expr.to_string().into()), self.resolve(repository, expr).await?)),
            None => None,
        };
        let graveler = self.clone();
        self.heavy(Work::Scan, async move || {
            let mut walk = Walk::new(storage, options, events);
            walk.format().await?;
            match root {
                Some((referrer, resolved)) => {
                    walk.enter(referrer, resolved.commit);
                    if let Some(branch) = resolved.branch {
                        uncommitted::check(&graveler, &record, &branch.name, walk.objects()).await?;
                    }
                }
                None => graveler.enter_refs(&record, &mut walk).await?,
            }
            walk.run().await
        })
        .await
    }

    /// Adds the commits of all refs, and checks what is uncommitted on branches.
    async fn enter_refs(&self, record: &Repository, walk: &mut Walk) -> Result<(), Error> {
        let repository = &record.name;
        let (mut after, mut more) = (String::new(), true);
        while more {
            let (repository, page) = (repository.clone(), PageRequest::after(after, REFS_PAGE));
            let page = self.meta().ask(ListBranches { repository, page }).await?;
            more = page.more && !page.items.is_empty();
            after = page.items.last().map(|branch| branch.name.to_string()).unwrap_or_default();
            for Branch { name, commit, .. } in page.items {
                walk.enter(Referrer::Ref(format!("branch {name}").into()), commit);
                uncommitted::check(self, record, &name, walk.objects()).await?;
            }
        }
        (after, more) = (String::new(), true);
        while more {
            let (repository, page) = (repository.clone(), PageRequest::after(after, REFS_PAGE));
            let page = self.meta().ask(ListTags { repository, page }).await?;
            more = page.more && !page.items.is_empty();
            after = page.items.last().map(|tag| tag.name.to_string()).unwrap_or_default();
            for Tag { name, commit, .. } in page.items {
                walk.enter(Referrer::Ref(format!("tag {name}").into()), commit);
            }
        }
        Ok(())
    }
}

/// Checks a repository that no server need serve: what one commit reaches, or else every commit in the bucket.
/// Otherwise as [`Graveler::fsck`].
#[boxed]
pub async fn fsck_bucket(
    storage: RepositoryStorage,
    from: Option<CommitId>,
    options: FsckOptions,
    events: Sender<FsckEvent>,
) -> Result<CheckSummary, Error> {
    let mut walk = Walk::new(storage, options, events);
    walk.format().await?;
    match from {
        Some(commit) => walk.enter(Referrer::Asked, commit),
        None => walk.enter_all().await?,
    }
    walk.run().await
}

/// What a store's error is as a fault: the kind and the words.
fn as_fault(error: &StorageError) -> (FaultKind, String) {
    match error {
        StorageError::NotFound { .. } => (FaultKind::Missing, "it isn't in the object store".into()),
        StorageError::Gone { .. } => (FaultKind::Missing, "it isn't where it was imported from any more".into()),
        StorageError::Changed { why, .. } => {
            (FaultKind::WrongBytes, format!("it was changed since it was imported: {why}"))
        }
        StorageError::Corrupt { why, .. } => (FaultKind::Corrupt, why.clone()),
        other => (FaultKind::Unreadable, other.to_string()),
    }
}
