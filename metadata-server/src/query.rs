//! Answers questions from one point in time. Owns the bounds of pages; leaves records to `records`, and staged pages
//! to `staged_page`. Invariant: dropped tokens and deleted repositories are never seen, reclaimed or not.

use model::{
    Answer, Branch, BranchName, Credential, GroupName, Job, Lookup, ObjectPath, PAGE_MAX, Page, Query, RefName,
    RefTarget, Refusal, Repository, RepositoryName, RequestId, Upload, UploadId,
};
use proto::metadata::{Wire, decode};

use super::keyspace::{KeyRange, Keyspace, Pair, Scan, Table};
use super::staged_page::staged_page;
use super::{Halt, StateError, access, key, records};

/// A page ends behind the item that takes it over so many bytes, so that an answer fits a message.
pub(super) const PAGE_BYTES_MAX: usize = 4 << 20;

/// Answers a question.
pub(crate) fn answer(keys: &dyn Keyspace, query: &Query) -> Result<Answer, StateError> {
    match find(keys, query) {
        Ok(answer) => Ok(answer),
        Err(Halt::Refused(refusal)) => Ok(Answer::Refused(refusal)),
        Err(Halt::Failed(error)) => Err(error),
    }
}

fn find(keys: &dyn Keyspace, query: &Query) -> Result<Answer, Halt> {
    Ok(match query {
        Query::Repository { name } => Answer::Repository(records::repository(keys, name)?),
        Query::Settings { repository } => {
            let repository = records::repository(keys, repository)?;
            let settings = records::settings(keys, repository.uid)?;
            Answer::Settings(Box::new((repository, settings)))
        }
        Query::Repositories { prefix, after, amount } => {
            let scan = keys.scan(Table::Repos, key::repositories(prefix, after));
            Answer::Repositories(page(scan, *amount, value)?)
        }
        Query::Lookup { repository, reference, path } => {
            Answer::Lookup(Box::new(lookup(keys, repository, reference, path.as_ref())?))
        }
        Query::Branches { repository, prefix, after, amount } => {
            let uid = records::repository(keys, repository)?.uid;
            Answer::Branches(page(keys.scan(Table::Refs, key::branches(uid, prefix, after)), *amount, value)?)
        }
        Query::Reflog { repository, branch, before, amount } => {
            let uid = records::repository(keys, repository)?.uid;
            Answer::Moves(page(keys.scan(Table::Refs, key::branch_moves(uid, branch, *before)), *amount, value)?)
        }
        Query::DeletedBranches { repository, prefix, after, amount } => {
            let uid = records::repository(keys, repository)?.uid;
            let scan = keys.scan(Table::Refs, key::deleted_branches(uid, prefix, after));
            Answer::Moves(page(scan, *amount, |(_, place)| referred(keys, Table::Refs, &place))?)
        }
        Query::Tags { repository, prefix, after, amount } => {
            let uid = records::repository(keys, repository)?.uid;
            Answer::Tags(page(keys.scan(Table::Refs, key::tags(uid, prefix, after)), *amount, value)?)
        }
        Query::Staged { repository, branch, tokens, prefix, from, amount } => {
            let repository = records::repository(keys, repository)?;
            let branch = records::branch(keys, &repository, branch)?;
            Answer::Staged(staged_page(keys, repository.uid, branch, tokens.as_deref(), prefix, from, *amount)?)
        }
        Query::Upload { repository, upload } => {
            Answer::Upload(records::upload(keys, &records::repository(keys, repository)?, *upload)?)
        }
        Query::CompletedUpload { repository, upload } => {
            let repository = records::repository(keys, repository)?;
            Answer::CompletedUpload(records::completed_upload(keys, &repository, *upload)?)
        }
        Query::Uploads { repository, branch, prefix, after, amount } => {
            Answer::Uploads(uploads(keys, repository, branch, prefix, after.as_ref(), *amount)?)
        }
        Query::Parts { repository, upload, after, amount } => {
            let repository = records::repository(keys, repository)?;
            let upload = records::upload(keys, &repository, *upload)?;
            let scan = keys.scan(Table::Uploads, key::parts(repository.uid, upload.id, *after));
            Answer::Parts(page(scan, *amount, value)?)
        }
        Query::Credential { access_key_id } => credential(keys, access_key_id)?,
        Query::User { id } => Answer::User(records::user(keys, *id)?),
        Query::UserNamed { name } => Answer::User(access::user_named(keys, name)?),
        Query::Users { prefix, after, amount } => {
            Answer::Users(users(keys, key::users_by_name(prefix, after), *amount)?)
        }
        Query::Credentials { user, prefix, after, amount } => {
            let user = access::user_named(keys, user)?.id;
            let parent = key::KeyParent::of_credentials(user);
            let scan = keys.scan(Table::Identities, key::credentials_of_user(user, prefix, after));
            Answer::Credentials(page(scan, *amount, |(key, _)| {
                let id = key::name_at_end(&key, &parent).ok_or_else(|| StateError::Corrupt("a key's id".into()))?;
                referred(keys, Table::Identities, &key::credential(&id))
            })?)
        }
        Query::Holder { repository, branch, token } => {
            let repository = records::repository(keys, repository)?;
            let branch = records::branch(keys, &repository, branch)?;
            Answer::Holder(records::holder(keys, repository.uid, &branch.name, *token)?)
        }
        Query::Job { id } => Answer::Job(Box::new(job(keys, *id)?)),
        Query::Jobs { repository, after, amount } => {
            let uid = records::repository(keys, repository)?.uid;
            let after = after.map(|id| Ok::<_, Halt>((job(keys, id)?.created_at, id))).transpose()?;
            Answer::Jobs(page(keys.scan(Table::Jobs, key::jobs_of_repository(uid, after)), *amount, |pair| {
                listed_job(keys, &pair)
            })?)
        }
        Query::OpenJobs { after, amount } => {
            let scan = keys.scan(Table::Jobs, key::open_jobs(*after));
            Answer::Jobs(page(scan, *amount, |pair| listed_job(keys, &pair))?)
        }
        Query::Group { name } => Answer::Group(access::group(keys, name)?),
        Query::Groups { of: None, prefix, after, amount } => {
            Answer::Groups(page(keys.scan(Table::Identities, key::groups(prefix, after)), *amount, value)?)
        }
        Query::Groups { of: Some(user), prefix, after, amount } => {
            let names = access::groups_of(keys, access::user_named(keys, user)?.id)?;
            let names = names.into_iter().map(String::from);
            Answer::Groups(access::page(names, (prefix, after, *amount), |name| match name.parse::<GroupName>() {
                Ok(name) => access::group(keys, &name),
                Err(_) => Err(StateError::Corrupt("the name of a user's group".into()).into()),
            })?)
        }
        Query::Members { group, prefix, after, amount } => {
            access::group(keys, group)?;
            Answer::Users(users(keys, key::members(group, prefix, after), *amount)?)
        }
        Query::Policy { name } => Answer::Policy(access::policy(keys, name)?),
        Query::Policies { of: None, prefix, after, amount, .. } => {
            Answer::Policies(page(keys.scan(Table::Identities, key::policies(prefix, after)), *amount, value)?)
        }
        Query::Policies { of: Some(of), effective, prefix, after, amount } => {
            Answer::Policies(access::attached_policies(keys, of, *effective, (prefix, after, *amount))?)
        }
        Query::Installation => Answer::Installation(records::installation(keys)?),
        Query::Access { by } => Answer::Access(Box::new(access::access(keys, by)?)),
    })
}

/// A page of users from an index of names that holds their ids.
fn users(keys: &dyn Keyspace, range: KeyRange, amount: usize) -> Result<Page<model::User>, StateError> {
    page(keys.scan(Table::Identities, range), amount, |(_, id)| {
        referred(keys, Table::Identities, &key::user(access::user_id(&id)?))
    })
}

fn lookup(
    keys: &dyn Keyspace,
    repository: &RepositoryName,
    reference: &RefName,
    path: Option<&ObjectPath>,
) -> Result<Lookup, Halt> {
    let repository = records::repository(keys, repository)?;
    let target = target(keys, &repository, reference)?;
    let staged = match (&target, path) {
        (RefTarget::Branch(branch), Some(path)) => records::staged(keys, repository.uid, branch, path)?,
        _ => None,
    };
    Ok(Lookup { repository, target, staged })
}

fn target(keys: &dyn Keyspace, repository: &Repository, name: &RefName) -> Result<RefTarget, StateError> {
    if let Some(branch) = records::find::<Branch>(keys, Table::Refs, &key::branch_named(repository.uid, name.as_str()))?
    {
        return Ok(RefTarget::Branch(branch));
    }
    let tag = records::find(keys, Table::Refs, &key::tag_named(repository.uid, name.as_str()))?;
    Ok(tag.map_or(RefTarget::Unknown, RefTarget::Tag))
}

/// A branch that is gone may still have uploads: they are listed, so that somebody can abort them.
fn uploads(
    keys: &dyn Keyspace,
    repository: &RepositoryName,
    branch: &BranchName,
    prefix: &str,
    after: Option<&(ObjectPath, UploadId)>,
    amount: usize,
) -> Result<Page<Upload>, Halt> {
    let uid = records::repository(keys, repository)?.uid;
    let scan = keys.scan(Table::Uploads, key::uploads_by_path(uid, branch, prefix, after));
    let page = page(scan, amount, |(by_path, _)| {
        let id = key::upload_id(&by_path).ok_or_else(|| StateError::Corrupt("an upload without an id".into()))?;
        referred(keys, Table::Uploads, &key::upload(uid, id))
    })?;
    Ok(page)
}

fn job(keys: &dyn Keyspace, id: RequestId) -> Result<Job, Halt> {
    records::find(keys, Table::Jobs, &key::job(id))?.ok_or_else(|| Refusal::JobNotFound(id).into())
}

fn listed_job(keys: &dyn Keyspace, (listed, _): &Pair) -> Result<Job, StateError> {
    let id = key::job_id(listed).ok_or_else(|| StateError::Corrupt("a job without an id".into()))?;
    referred(keys, Table::Jobs, &key::job(id))
}

fn credential(keys: &dyn Keyspace, access_key_id: &str) -> Result<Answer, Halt> {
    let found: Option<Credential> = records::find(keys, Table::Identities, &key::credential(access_key_id))?;
    let credential = found.ok_or_else(|| Refusal::CredentialNotFound(access_key_id.into()))?;
    let user = records::user(keys, credential.user)?;
    Ok(Answer::Credential(credential, user))
}

fn value<T: Wire>((_, value): Pair) -> Result<T, StateError> {
    Ok(decode(&value)?)
}

/// Reads a record that an index refers to.
fn referred<T: Wire>(keys: &dyn Keyspace, table: Table, key: &[u8]) -> Result<T, StateError> {
    records::find(keys, table, key)?
        .ok_or_else(|| StateError::Corrupt(format!("an index of {} refers to nothing", table.name())))
}

/// Takes a page from a scan.
fn page<T>(
    mut scan: Scan<'_>,
    amount: usize,
    mut item: impl FnMut(Pair) -> Result<T, StateError>,
) -> Result<Page<T>, StateError> {
    let mut room = PageRoom::new(amount);
    let mut items = Vec::new();
    for pair in &mut scan {
        let pair = pair?;
        if !room.take(pair.0.len() + pair.1.len()) {
            return Ok(Page { items, more: true });
        }
        items.push(item(pair)?);
    }
    Ok(Page { items, more: false })
}

/// How much a page may still take.
pub(super) struct PageRoom {
    items: usize,
    bytes: usize,
}

impl PageRoom {
    pub(super) fn new(amount: usize) -> Self {
        Self { items: amount.min(PAGE_MAX), bytes: PAGE_BYTES_MAX }
    }

    /// Takes room for an item, or says that the page is full. An empty page takes an item of any size.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        if self.items == 0 || self.bytes == 0 {
            return false;
        }
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}
