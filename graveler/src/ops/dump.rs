//! Writes a repository's refs and all commits that they reach to files in its namespace, from which `restore` makes them
//! anew. Owns what is in a dump. Invariant: the commits of a dump are closed: with each are all its ancestors.

use std::collections::BTreeSet;

use model::{Branch, CommitId, ListBranches, ListTags, PAGE_MAX, PageRequest, Repository, RepositoryName, Tag};

use super::refs_dump::{Kind, ListWriter, RefsDump};
use crate::boxed;
use crate::history::{HistoryWalk, commit_object};
use crate::tree::Files;
use crate::{Error, Graveler, Progress};

impl Graveler {
    /// Dumps a repository's refs. Each ref is as it was at some moment meanwhile; what is uncommitted isn't dumped.
    #[boxed]
    pub async fn dump_refs(&self, repository: &RepositoryName, progress: &Progress) -> Result<RefsDump, Error> {
        let found = self.meta().repository(repository).await?;
        let files = self.files(&found)?;
        progress.set_stage("listing refs");
        let (branches, tags) = (self.all_branches(&found).await?, self.all_tags(&found).await?);
        let heads = branches.iter().map(|branch| branch.commit).chain(tags.iter().map(|tag| tag.commit)).collect();

        progress.set_stage("writing commits");
        let commits = dump_commits(&files, heads, progress).await?;
        progress.set_stage("writing refs");
        let mut list = ListWriter::new(&files, Kind::Tags);
        for tag in &tags {
            list.push_ref(tag.name.as_str(), &tag.commit).await?;
        }
        let tags = list.finish().await?;
        let mut list = ListWriter::new(&files, Kind::Branches);
        for branch in &branches {
            list.push_ref(branch.name.as_str(), &branch.commit).await?;
        }
        Ok(RefsDump { commits, tags, branches: list.finish().await? })
    }

    pub(super) async fn all_branches(&self, repository: &Repository) -> Result<Vec<Branch>, Error> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let (repository, page) = (repository.name.clone(), PageRequest::after(after, PAGE_MAX));
            let page = self.meta().ask(ListBranches { repository, page }).await?;
            all.extend(page.items);
            match all.last().filter(|_| page.more) {
                Some(last) => after = last.name.to_string(),
                None => return Ok(all),
            }
        }
    }

    pub(super) async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let (repository, page) = (repository.name.clone(), PageRequest::after(after, PAGE_MAX));
            let page = self.meta().ask(ListTags { repository, page }).await?;
            all.extend(page.items);
            match all.last().filter(|_| page.more) {
                Some(last) => after = last.name.to_string(),
                None => return Ok(all),
            }
        }
    }
}

/// Writes commits and all their ancestors, none before its children that were found first.
async fn dump_commits(files: &Files, heads: BTreeSet<CommitId>, progress: &Progress) -> Result<model::DumpId, Error> {
    let mut list = ListWriter::new(files, Kind::Commits);
    let mut walk = HistoryWalk::new(files, &Vec::from_iter(heads)).await?;
    while let Some((id, commit)) = walk.next().await? {
        walk.follow(commit.created_at, &commit.parents).await?;
        let (encoded_id, bytes) = commit_object::encode(&commit);
        if encoded_id != id {
            return Err(Error::Internal(format!("commit {id} was encoded as {encoded_id}")));
        }
        list.push(bytes).await?;
        progress.add_objects(1);
    }
    list.finish().await
}
