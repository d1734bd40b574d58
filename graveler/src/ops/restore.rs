//! Makes refs anew from a dump. Owns the order: all of the dump is read and compared with the object store before the
//! first ref is made. Invariant: a dump that is damaged, incomplete or another repository's changes nothing; a restore
//! that was cut off while it made refs goes on when it is tried again.

use std::collections::{HashMap, HashSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use model::{
    BranchName, Command, Commit, CommitId, CreateBranch, CreateTag, DumpId, MetaError, Repository, RepositoryName,
    RequestId, TagName,
};
use prost::Message;
use storage::{Immutable, StorageError};

use super::refs_dump::{Kind, ListReader, RefRecord, RefsDump};
use crate::boxed;
use crate::history::{commit_object, read_commit, write_commit};
use crate::tree::Files;
use crate::{Error, Graveler, Progress};

/// How many files are looked at, and refs made, at a time.
const AT_A_TIME: usize = 32;
/// How many names an error tells.
const SHOWN_MAX: usize = 5;

/// What a restore came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many commits the dump has.
    pub commits: u64,
    /// How many branches there are now.
    pub branches: u64,
    /// How many tags there are now.
    pub tags: u64,
}

/// Where refs point, by their names.
type Refs<N> = Vec<(N, CommitId)>;

impl Graveler {
    /// Makes the refs of a dump in a repository that has none, or only refs that are the dump's too. `request` is the same
    /// when it is tried again.
    #[boxed]
    pub async fn restore_refs(
        &self,
        repository: &RepositoryName,
        dump: &RefsDump,
        request: RequestId,
        committer: &str,
        progress: &Progress,
    ) -> Result<Restored, Error> {
        let found = self.meta().repository(repository).await?;
        let files = self.files(&found)?;
        progress.set_stage("reading the dump");
        let commits = restore_commits(&files, dump.commits, progress).await?;
        let branches: Refs<BranchName> = read_refs(&files, dump.branches, Kind::Branches, &commits).await?;
        let tags: Refs<TagName> = read_refs(&files, dump.tags, Kind::Tags, &commits).await?;
        progress.set_stage("comparing");
        let heads = branches.iter().map(|(_, id)| *id).chain(tags.iter().map(|(_, id)| *id)).collect();
        check_trees(&files, heads).await?;
        let (branches_left, tags_left) = self.missing_refs(&found, &branches, &tags).await?;

        progress.set_stage("making refs");
        let note = self.note(committer, "restore: from a dump");
        let make_branches = branches_left.into_iter().map(|(name, commit)| {
            Command::CreateBranch(CreateBranch {
                request: request_of(request, "branch", name.as_str()),
                repository: repository.clone(),
                branch: name,
                commit,
                hidden: false,
                note: note.clone(),
            })
        });
        let make_tags = tags_left.into_iter().map(|(name, commit)| {
            Command::CreateTag(CreateTag {
                request: request_of(request, "tag", name.as_str()),
                repository: repository.clone(),
                tag: name,
                commit,
            })
        });
        let make = make_branches.chain(make_tags).map(|command| async move {
            self.meta().write(command).await?.done()?;
            Ok::<_, MetaError>(())
        });
        stream::iter(make).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
        Ok(Restored { commits: commits.len() as u64, branches: branches.len() as u64, tags: tags.len() as u64 })
    }

    /// Which refs are still to be made. Refuses a repository that has others.
    async fn missing_refs(
        &self,
        repository: &Repository,
        branches: &Refs<BranchName>,
        tags: &Refs<TagName>,
    ) -> Result<(Refs<BranchName>, Refs<TagName>), Error> {
        let name = &repository.name;
        if !branches.iter().any(|(branch, _)| *branch == repository.default_branch) {
            let names: Vec<_> = branches.iter().take(SHOWN_MAX).map(|(branch, _)| branch.as_str()).collect();
            return Err(Error::Invalid(format!(
                "the dump has no branch {}, which is the default branch of {name}: restore into a repository that was made \
                 with one of the dump's as its default branch ({}{})",
                repository.default_branch,
                names.join(", "),
                if branches.len() > SHOWN_MAX { ", …" } else { "" },
            )));
        }
        let there: HashMap<_, _> =
            self.all_branches(repository).await?.into_iter().map(|branch| (branch.name, branch.commit)).collect();
        let tags_there: HashMap<_, _> =
            self.all_tags(repository).await?.into_iter().map(|tag| (tag.name, tag.commit)).collect();
        let other = other_ref(&there, branches).map(ToString::to_string);
        if let Some(other) = other.or_else(|| other_ref(&tags_there, tags).map(ToString::to_string)) {
            return Err(Error::Invalid(format!(
                "{name} has refs that aren't the dump's ({other}): restore into a bare repository"
            )));
        }
        let left = branches.iter().filter(|(branch, _)| !there.contains_key(branch)).cloned().collect();
        Ok((left, tags.iter().filter(|(tag, _)| !tags_there.contains_key(tag)).cloned().collect()))
    }
}

/// A ref that is there and isn't as in the dump.
fn other_ref<'a, N: Eq + std::hash::Hash>(there: &'a HashMap<N, CommitId>, dumped: &Refs<N>) -> Option<&'a N> {
    let dumped: HashMap<_, _> = dumped.iter().map(|(name, commit)| (name, commit)).collect();
    there.iter().find(|(name, commit)| dumped.get(name) != Some(commit)).map(|(name, _)| name)
}

/// Reads the commits of a dump, and writes those anew that the object store has lost or
/// damaged.
async fn restore_commits(files: &Files, id: DumpId, progress: &Progress) -> Result<HashSet<CommitId>, Error> {
    let mut list = ListReader::open(files, id, Kind::Commits).await?;
    let (mut commits, mut wanted) = (HashSet::new(), HashSet::<CommitId>::new());
    while let Some(records) = list.next().await? {
        let mut part = Vec::with_capacity(records.len());
        for record in records {
            let id = CommitId::from_bytes(*blake3::hash(&record).as_bytes());
            let commit =
                commit_object::decode(id, &record).map_err(|why| list.corrupt(format!("commit {id}: {why:?}")))?;
            wanted.remove(&id);
            commits.insert(id);
            wanted.extend(commit.parents.iter().filter(|parent| !commits.contains(*parent)));
            part.push((id, commit));
        }
        progress.add_objects(part.len() as u64);
        let checks = part.into_iter().map(|(id, commit)| check_commit(files, id, commit));
        stream::iter(checks).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    }
    match wanted.iter().next() {
        None => Ok(commits),
        Some(id) => Err(list.corrupt(format!("commit {id} is a parent, and isn't in the dump"))),
    }
}

/// Looks past all caches whether a commit object is there as it should be.
async fn check_commit(files: &Files, id: CommitId, commit: Commit) -> Result<(), Error> {
    match files.storage().get(&Immutable::Commit(id)).await {
        Ok(bytes) if blake3::hash(&bytes).as_bytes() == id.as_bytes() => Ok(()),
        Ok(_) | Err(StorageError::NotFound { .. }) => write_commit(files, &commit).await.map(drop),
        Err(error) => Err(error.into()),
    }
}

async fn read_refs<N>(files: &Files, id: DumpId, kind: Kind, commits: &HashSet<CommitId>) -> Result<Refs<N>, Error>
where
    N: std::str::FromStr<Err: std::fmt::Display>,
{
    let mut list = ListReader::open(files, id, kind).await?;
    let mut refs = Vec::new();
    while let Some(records) = list.next().await? {
        for record in records {
            let record = RefRecord::decode(record.as_slice()).map_err(|why| list.corrupt(why.to_string()))?;
            let name = record.name.parse().map_err(|why: N::Err| list.corrupt(why.to_string()))?;
            let commit = CommitId::from_slice(&record.commit).map_err(|why| list.corrupt(why.to_string()))?;
            if !commits.contains(&commit) {
                return Err(list.corrupt(format!("{} points at {commit}, which isn't in the dump", record.name)));
            }
            refs.push((name, commit));
        }
    }
    Ok(refs)
}

/// Looks whether the trees of refs are there.
async fn check_trees(files: &Files, heads: HashSet<CommitId>) -> Result<(), Error> {
    let checks = heads.into_iter().map(|id| async move {
        let Some(metarange) = read_commit(files, id).await?.metarange else { return Ok(()) };
        let object = Immutable::MetaRange(metarange);
        match files.storage().get_range(&object, 0..1).await {
            Ok(_) => Ok(()),
            Err(StorageError::NotFound { .. }) => {
                Err(files.corrupt(object, &format!("commit {id} needs it, and it is missing")))
            }
            Err(error) => Err(error.into()),
        }
    });
    stream::iter(checks).buffer_unordered(AT_A_TIME).try_collect::<()>().await
}

/// The id of a part of a request, the same whenever that is tried.
fn request_of(request: RequestId, kind: &str, name: &str) -> RequestId {
    let digest = blake3::hash(format!("{:032x} {kind} {name}", request.0).as_bytes());
    let half: [u8; 16] = digest.as_bytes()[..16].try_into().expect("because a digest has 32 bytes");
    RequestId(u128::from_be_bytes(half))
}
