//! Answers about branches, tags and what they held.

use model::{
    Branch, CommitId, FindCommitOfToken, ListBranches, ListDeletedBranches, ListTags, Lookup, Page, ReadReflog,
    RefName, RefTarget, ReflogEntry, Repository, ResolveRef, Tag,
};

use super::Find;
use crate::state::keyspace::{Keyspace, Table};
use crate::state::page::{page, referred, value};
use crate::state::{Halt, StateError, key, records};

impl Find for ResolveRef {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Box<Lookup>, Halt> {
        let repository = records::repository(keys, &self.repository)?;
        let target = target(keys, &repository, &self.reference)?;
        let staged = match (&target, &self.path) {
            (RefTarget::Branch(branch), Some(path)) => records::staged(keys, repository.uid, branch, path)?,
            _ => None,
        };
        Ok(Box::new(Lookup { repository, target, staged }))
    }
}

fn target(keys: &dyn Keyspace, repository: &Repository, name: &RefName) -> Result<RefTarget, StateError> {
    if let Some(branch) = records::find::<Branch>(keys, Table::Refs, &key::branch_named(repository.uid, name.as_str()))?
    {
        return Ok(RefTarget::Branch(branch));
    }
    let tag = records::find(keys, Table::Refs, &key::tag_named(repository.uid, name.as_str()))?;
    Ok(tag.map_or(RefTarget::Unknown, RefTarget::Tag))
}

impl Find for ListBranches {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Branch>, Halt> {
        let uid = records::repository(keys, &self.repository)?.uid;
        let scan = keys.scan(Table::Refs, key::branches(uid, &self.page.prefix, &self.page.after));
        Ok(page(scan, self.page.amount, value)?)
    }
}

impl Find for ListDeletedBranches {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<ReflogEntry>, Halt> {
        let uid = records::repository(keys, &self.repository)?.uid;
        let scan = keys.scan(Table::Refs, key::deleted_branches(uid, &self.page.prefix, &self.page.after));
        Ok(page(scan, self.page.amount, |(_, place)| referred(keys, Table::Refs, &place))?)
    }
}

impl Find for ReadReflog {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<ReflogEntry>, Halt> {
        let uid = records::repository(keys, &self.repository)?.uid;
        let scan = keys.scan(Table::Refs, key::branch_moves(uid, &self.branch, self.before));
        Ok(page(scan, self.amount, value)?)
    }
}

impl Find for ListTags {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Tag>, Halt> {
        let uid = records::repository(keys, &self.repository)?.uid;
        let scan = keys.scan(Table::Refs, key::tags(uid, &self.page.prefix, &self.page.after));
        Ok(page(scan, self.page.amount, value)?)
    }
}

impl Find for FindCommitOfToken {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Option<CommitId>, Halt> {
        let repository = records::repository(keys, &self.repository)?;
        let branch = records::branch(keys, &repository, &self.branch)?;
        Ok(records::holder(keys, repository.uid, &branch.name, self.token)?)
    }
}
