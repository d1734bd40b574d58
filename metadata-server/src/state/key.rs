//! The keys of all tables. Invariant: keys of one kind order as their parts do: integers by value (big-endian),
//! strings by their bytes (escaped, with an end mark), so that a listing is a scan. The layout is on disk: a change
//! needs a new schema version.
//!
//! | table | key | value |
//! |---|---|---|
//! | repos | 1, name | Repository |
//! | repos | 2, namespace with a slash after it | name |
//! | repos | 3, namespace with a slash after it | the id of its claim, and the index of the entry that made it |
//! | repos | 4, index of that entry | the key of the claim |
//! | refs | repository uid, 1, name | Branch |
//! | refs | repository uid, 2, name | Tag |
//! | refs | repository uid, 3, branch, number from the largest down | ReflogEntry |
//! | refs | repository uid, 4, name | the key of its deletion: a branch that can be undeleted |
//! | refs | repository uid, 5, branch | HeldTokens: which commits hold its last consumed tokens |
//! | refs | repository uid, 6 | Settings |
//! | staged | repository uid, token, path (bare bytes) | StagedValue |
//! | uploads | repository uid, 1, upload id | Upload |
//! | uploads | repository uid, 2, branch, path, upload id | nothing |
//! | uploads | repository uid, 3, upload id, part number | Part |
//! | uploads | repository uid, 4, upload id | CompletedUpload |
//! | identities | | see `identities` |
//! | dedup | 1, kind of command, request id | expiry, Outcome; of a permission that is used up the expiry alone |
//! | dedup | 2, expiry, kind of command, request id | nothing |
//! | dedup | 3, expiry, repository uid, branch, number | the key of that move |
//! | dedup | 4, expiry, repository uid, upload id | nothing: an upload that was completed |
//! | tasks | 1, repository uid, token | nothing: a dropped token |
//! | tasks | 2, repository uid | nothing: a deleted repository |
//! | jobs | 1, request id | Job |
//! | jobs | 2, repository uid, time of its begin (newest first), request id | nothing |
//! | jobs | 3, request id | nothing: a job that hasn't ended |
//! | jobs | 4, time of its end, request id | nothing: a job that has |
//! | jobs | 5 | how many there are of these two |
//! | settings | a name | see `state` |

use model::{
    BranchName, ObjectPath, RepositoryName, RepositoryUid, RequestId, StagingToken, StorageNamespace, TagName,
    Timestamp, UploadId,
};

use super::keyspace::KeyRange;

mod identities;

pub(crate) use identities::*;

const REPOSITORY: u8 = 1;
const NAMESPACE: u8 = 2;
const CLAIM: u8 = 3;
const CLAIM_BY_AGE: u8 = 4;
const BRANCH: u8 = 1;
const TAG: u8 = 2;
const BRANCH_MOVE: u8 = 3;
const DELETED_BRANCH: u8 = 4;
const HELD_TOKENS: u8 = 5;
const SETTINGS: u8 = 6;
const UPLOAD: u8 = 1;
const UPLOAD_BY_PATH: u8 = 2;
const PART: u8 = 3;
const COMPLETED_UPLOAD: u8 = 4;
const ANSWERED: u8 = 1;
const EXPIRY: u8 = 2;
const MOVE_EXPIRY: u8 = 3;
const COMPLETED_EXPIRY: u8 = 4;
const DROPPED_TOKEN: u8 = 1;
const DELETED_REPOSITORY: u8 = 2;
const JOB: u8 = 1;
const JOB_OF_REPOSITORY: u8 = 2;
const OPEN_JOB: u8 = 3;
const ENDED_JOB: u8 = 4;
/// Jobs: how many there are.
pub(crate) const JOB_COUNTS: &[u8] = &[5];

/// Settings: the version of this layout.
pub(crate) const SCHEMA: &[u8] = b"schema";
/// Settings: the index of the last entry applied.
pub(crate) const APPLIED: &[u8] = b"applied";
/// Settings: which installation this is.
pub(crate) const INSTALLATION: &[u8] = b"installation";
/// Settings: what Raft keeps with the data.
pub(crate) const RAFT: &[u8] = b"raft";

pub(crate) fn repository(name: &RepositoryName) -> Vec<u8> {
    Key::of(REPOSITORY).text(name.as_str()).done()
}

/// Repositories whose names begin with `prefix` and are larger than `after`.
pub(crate) fn repositories(prefix: &str, after: &str) -> KeyRange {
    named(&Key::of(REPOSITORY), prefix, after)
}

/// With a slash at its end, so that a namespace sorts right before those that lie in it.
pub(crate) fn namespace(namespace: &StorageNamespace) -> Vec<u8> {
    Key::of(NAMESPACE).text(&format!("{namespace}/")).done()
}

/// The key of a folder of namespaces, given with its slash.
pub(crate) fn namespace_folder(folder: &str) -> Vec<u8> {
    Key::of(NAMESPACE).text(folder).done()
}

/// All namespaces inside of one, itself included.
pub(crate) fn namespaces_inside(namespace: &StorageNamespace) -> KeyRange {
    Key::of(NAMESPACE).text_prefix(&format!("{namespace}/")).all_under()
}

pub(crate) fn claim(namespace: &StorageNamespace) -> Vec<u8> {
    Key::of(CLAIM).text(&format!("{namespace}/")).done()
}

pub(crate) fn claim_by_age(index: u64) -> Vec<u8> {
    Key::of(CLAIM_BY_AGE).number(index).done()
}

/// All claims, the oldest first.
pub(crate) fn claims_by_age() -> KeyRange {
    Key::of(CLAIM_BY_AGE).all_under()
}

pub(crate) fn branch(repository: RepositoryUid, name: &BranchName) -> Vec<u8> {
    ref_key(repository, BRANCH, name.as_str())
}

/// The key of the branch that would have this name.
pub(crate) fn branch_named(repository: RepositoryUid, name: &str) -> Vec<u8> {
    ref_key(repository, BRANCH, name)
}

pub(crate) fn branches(repository: RepositoryUid, prefix: &str, after: &str) -> KeyRange {
    named(&Key::uid(repository).byte(BRANCH), prefix, after)
}

pub(crate) fn tag(repository: RepositoryUid, name: &TagName) -> Vec<u8> {
    ref_key(repository, TAG, name.as_str())
}

/// The key of the tag that would have this name.
pub(crate) fn tag_named(repository: RepositoryUid, name: &str) -> Vec<u8> {
    ref_key(repository, TAG, name)
}

pub(crate) fn tags(repository: RepositoryUid, prefix: &str, after: &str) -> KeyRange {
    named(&Key::uid(repository).byte(TAG), prefix, after)
}

/// Which commits hold a branch's last consumed tokens.
pub(crate) fn held_tokens(repository: RepositoryUid, branch: &BranchName) -> Vec<u8> {
    ref_key(repository, HELD_TOKENS, branch.as_str())
}

fn ref_key(repository: RepositoryUid, kind: u8, name: &str) -> Vec<u8> {
    Key::uid(repository).byte(kind).text(name).done()
}

pub(crate) fn settings(repository: RepositoryUid) -> Vec<u8> {
    Key::uid(repository).byte(SETTINGS).done()
}

/// Newer moves have smaller keys.
pub(crate) fn reflog_entry(repository: RepositoryUid, branch: &BranchName, number: u64) -> Vec<u8> {
    moves_of(repository, branch).number(!number).done()
}

/// A branch's moves whose numbers are smaller than `before`, newest first.
pub(crate) fn branch_moves(repository: RepositoryUid, branch: &BranchName, before: Option<u64>) -> KeyRange {
    let mut range = moves_of(repository, branch).all_under();
    if let Some(before) = before {
        range.from = next(reflog_entry(repository, branch, before));
    }
    range
}

fn moves_of(repository: RepositoryUid, branch: &BranchName) -> Key {
    Key::uid(repository).byte(BRANCH_MOVE).text(branch.as_str())
}

pub(crate) fn deleted_branch(repository: RepositoryUid, name: &BranchName) -> Vec<u8> {
    ref_key(repository, DELETED_BRANCH, name.as_str())
}

/// Deleted branches whose names begin with `prefix` and are larger than `after`.
pub(crate) fn deleted_branches(repository: RepositoryUid, prefix: &str, after: &str) -> KeyRange {
    named(&Key::uid(repository).byte(DELETED_BRANCH), prefix, after)
}

/// Everything that a repository has in a table whose keys begin with its uid.
pub(crate) fn all_of_repository(repository: RepositoryUid) -> KeyRange {
    Key::uid(repository).all_under()
}

pub(crate) fn staged(repository: RepositoryUid, token: StagingToken, path: &ObjectPath) -> Vec<u8> {
    Key::uid(repository).number(token.0).bytes(path.as_bytes()).done()
}

/// Paths of a token that begin with `prefix` and are `from` or larger.
pub(crate) fn staged_from(repository: RepositoryUid, token: StagingToken, prefix: &str, from: &str) -> KeyRange {
    let token = Key::uid(repository).number(token.0);
    let mut range = token.clone().bytes(prefix.as_bytes()).all_under();
    range.from = range.from.max(token.bytes(from.as_bytes()).done());
    range
}

/// One path of a token, as a range.
pub(crate) fn staged_only(repository: RepositoryUid, token: StagingToken, path: &ObjectPath) -> KeyRange {
    let from = staged(repository, token, path);
    KeyRange { to: next(from.clone()), from }
}

pub(crate) fn all_staged(repository: RepositoryUid, token: StagingToken) -> KeyRange {
    staged_from(repository, token, "", "")
}

/// The path in a key of a staged value.
pub(crate) fn staged_path(key: &[u8]) -> &[u8] {
    key.get(16..).unwrap_or_default()
}

pub(crate) fn upload(repository: RepositoryUid, id: UploadId) -> Vec<u8> {
    Key::uid(repository).byte(UPLOAD).number(id.0).done()
}

pub(crate) fn upload_by_path(
    repository: RepositoryUid,
    branch: &BranchName,
    path: &ObjectPath,
    id: UploadId,
) -> Vec<u8> {
    let branch = Key::uid(repository).byte(UPLOAD_BY_PATH).text(branch.as_str());
    branch.text(path.as_str()).number(id.0).done()
}

/// A branch's uploads whose paths begin with `prefix`, after one.
pub(crate) fn uploads_by_path(
    repository: RepositoryUid,
    branch: &BranchName,
    prefix: &str,
    after: Option<&(ObjectPath, UploadId)>,
) -> KeyRange {
    let of_branch = Key::uid(repository).byte(UPLOAD_BY_PATH).text(branch.as_str());
    let mut range = of_branch.text_prefix(prefix).all_under();
    if let Some((path, id)) = after {
        range.from = range.from.max(next(upload_by_path(repository, branch, path, *id)));
    }
    range
}

/// The upload id at the end of a key by path.
pub(crate) fn upload_id(key: &[u8]) -> Option<UploadId> {
    Some(UploadId(u64::from_be_bytes(*key.last_chunk()?)))
}

pub(crate) fn part(repository: RepositoryUid, upload: UploadId, number: u32) -> Vec<u8> {
    Key::uid(repository).byte(PART).number(upload.0).bytes(&number.to_be_bytes()).done()
}

/// An upload's parts whose numbers are larger than `after`.
pub(crate) fn parts(repository: RepositoryUid, upload: UploadId, after: u32) -> KeyRange {
    let mut range = all_parts(repository, upload);
    range.from = next(part(repository, upload, after));
    range
}

pub(crate) fn all_parts(repository: RepositoryUid, upload: UploadId) -> KeyRange {
    Key::uid(repository).byte(PART).number(upload.0).all_under()
}

pub(crate) fn completed_upload(repository: RepositoryUid, id: UploadId) -> Vec<u8> {
    Key::uid(repository).byte(COMPLETED_UPLOAD).number(id.0).done()
}

pub(crate) fn completed_expiry(expires: Timestamp, repository: RepositoryUid, id: UploadId) -> Vec<u8> {
    Key::of(COMPLETED_EXPIRY).time(expires).number(repository.0).number(id.0).done()
}

/// Completed uploads that expire at `now` or earlier.
pub(crate) fn expired_completions(now: Timestamp) -> KeyRange {
    expired_of(COMPLETED_EXPIRY, now)
}

/// Which upload's expiry this is.
pub(crate) fn expired_completion(key: &[u8]) -> Option<(RepositoryUid, UploadId)> {
    let (repository, upload) = key.get(9..)?.split_first_chunk()?;
    let upload = u64::from_be_bytes(upload.try_into().ok()?);
    Some((RepositoryUid(u64::from_be_bytes(*repository)), UploadId(upload)))
}

pub(crate) fn answered(kind: u8, request: RequestId) -> Vec<u8> {
    Key::of(ANSWERED).byte(kind).bytes(&request.0.to_be_bytes()).done()
}

pub(crate) fn expiry(expires: Timestamp, kind: u8, request: RequestId) -> Vec<u8> {
    Key::of(EXPIRY).time(expires).byte(kind).bytes(&request.0.to_be_bytes()).done()
}

/// What expires at `now` or earlier.
pub(crate) fn expired(now: Timestamp) -> KeyRange {
    expired_of(EXPIRY, now)
}

/// What expires later than at `time`.
pub(crate) fn expires_after(time: Timestamp) -> KeyRange {
    due_after(EXPIRY, time)
}

pub(crate) fn move_expiry(expires: Timestamp, repository: RepositoryUid, branch: &BranchName, number: u64) -> Vec<u8> {
    let of = Key::of(MOVE_EXPIRY).time(expires).number(repository.0);
    of.text(branch.as_str()).number(number).done()
}

/// Of which repository the expiry of a move is.
pub(crate) fn move_expiry_repository(key: &[u8]) -> Option<RepositoryUid> {
    Some(RepositoryUid(u64::from_be_bytes(*key.get(9..)?.first_chunk()?)))
}

/// Moves of which something expires at `now` or earlier.
pub(crate) fn expired_moves(now: Timestamp) -> KeyRange {
    expired_of(MOVE_EXPIRY, now)
}

/// Moves of which something expires later than at `time`.
pub(crate) fn moves_expiring_after(time: Timestamp) -> KeyRange {
    due_after(MOVE_EXPIRY, time)
}

/// The time in a key of an expiry, or of a job's end.
pub(crate) fn due_time(key: &[u8]) -> Option<Timestamp> {
    let time = u64::from_be_bytes(*key.get(1..)?.first_chunk()?);
    Some(Timestamp::from_millis((time ^ (1 << 63)).cast_signed()))
}

fn due_after(kind: u8, time: Timestamp) -> KeyRange {
    KeyRange { from: Key::of(kind).time(time).all_under().to, to: Key::of(kind).all_under().to }
}

fn expired_of(kind: u8, now: Timestamp) -> KeyRange {
    KeyRange { from: Key::of(kind).done(), to: Key::of(kind).time(now).all_under().to }
}

/// The kind of command and the request in a key of an expiry.
pub(crate) fn expiry_request(key: &[u8]) -> Option<(u8, RequestId)> {
    let (_, tail) = key.split_at_checked(9)?;
    let (kind, request) = tail.split_first()?;
    Some((*kind, RequestId(u128::from_be_bytes(request.try_into().ok()?))))
}

pub(crate) fn dropped_token(repository: RepositoryUid, token: StagingToken) -> Vec<u8> {
    Key::of(DROPPED_TOKEN).number(repository.0).number(token.0).done()
}

pub(crate) fn deleted_repository(repository: RepositoryUid) -> Vec<u8> {
    Key::of(DELETED_REPOSITORY).number(repository.0).done()
}

pub(crate) fn job(id: RequestId) -> Vec<u8> {
    Key::of(JOB).request(id).done()
}

pub(crate) fn job_of_repository(repository: RepositoryUid, begun: Timestamp, id: RequestId) -> Vec<u8> {
    Key::of(JOB_OF_REPOSITORY).number(repository.0).time_backwards(begun).request(id).done()
}

/// A repository's jobs, newest first, after one of them.
pub(crate) fn jobs_of_repository(repository: RepositoryUid, after: Option<(Timestamp, RequestId)>) -> KeyRange {
    let mut range = Key::of(JOB_OF_REPOSITORY).number(repository.0).all_under();
    if let Some((begun, id)) = after {
        range.from = next(job_of_repository(repository, begun, id));
    }
    range
}

pub(crate) fn open_job(id: RequestId) -> Vec<u8> {
    Key::of(OPEN_JOB).request(id).done()
}

/// Jobs that haven't ended, after one of them.
pub(crate) fn open_jobs(after: Option<RequestId>) -> KeyRange {
    let mut range = Key::of(OPEN_JOB).all_under();
    if let Some(after) = after {
        range.from = next(open_job(after));
    }
    range
}

pub(crate) fn ended_job(ended: Timestamp, id: RequestId) -> Vec<u8> {
    Key::of(ENDED_JOB).time(ended).request(id).done()
}

/// All jobs that have ended, the first first.
pub(crate) fn ended_jobs() -> KeyRange {
    Key::of(ENDED_JOB).all_under()
}

/// Jobs that ended later than at `time`.
pub(crate) fn jobs_ended_after(time: Timestamp) -> KeyRange {
    due_after(ENDED_JOB, time)
}

/// The request id at the end of a job's key.
pub(crate) fn job_id(key: &[u8]) -> Option<RequestId> {
    Some(RequestId(u128::from_be_bytes(*key.last_chunk()?)))
}

/// What is left to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Token(RepositoryUid, StagingToken),
    Repository(RepositoryUid),
}

pub(crate) fn all_tasks() -> KeyRange {
    KeyRange { from: vec![], to: vec![u8::MAX] }
}

pub(crate) fn task(key: &[u8]) -> Option<Task> {
    let (kind, ids) = key.split_first()?;
    let (uid, token) = ids.split_first_chunk()?;
    let uid = RepositoryUid(u64::from_be_bytes(*uid));
    match *kind {
        DROPPED_TOKEN => Some(Task::Token(uid, StagingToken(u64::from_be_bytes(token.try_into().ok()?)))),
        DELETED_REPOSITORY if token.is_empty() => Some(Task::Repository(uid)),
        _ => None,
    }
}

/// Names under a key that begin with `prefix` and are larger than `after`.
fn named(parent: &Key, prefix: &str, after: &str) -> KeyRange {
    let mut range = parent.clone().text_prefix(prefix).all_under();
    if !after.is_empty() {
        range.from = range.from.max(next(parent.clone().text(after).done()));
    }
    range
}

/// The smallest key after this one.
fn next(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// A key under construction.
#[derive(Debug, Clone)]
struct Key(Vec<u8>);

impl Key {
    fn of(kind: u8) -> Self {
        Self(vec![kind])
    }

    fn uid(repository: RepositoryUid) -> Self {
        Self(Vec::with_capacity(64)).number(repository.0)
    }

    fn byte(self, byte: u8) -> Self {
        self.bytes(&[byte])
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Flips the sign, so that times before 1970 sort first.
    fn time(self, time: Timestamp) -> Self {
        self.number(time.as_millis().cast_unsigned() ^ (1 << 63))
    }

    /// So that later times sort first.
    fn time_backwards(self, time: Timestamp) -> Self {
        self.number(!(time.as_millis().cast_unsigned() ^ (1 << 63)))
    }

    fn request(self, id: RequestId) -> Self {
        self.bytes(&id.0.to_be_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A string and its end mark. 0 becomes 0 255 and the end is 0 1, so that a string sorts before those that it begins.
    fn text(self, text: &str) -> Self {
        self.text_prefix(text).bytes(&[0, 1])
    }

    /// What the keys of all strings begin with that begin with this one.
    fn text_prefix(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(u8::MAX);
            }
        }
        self
    }

    fn done(self) -> Vec<u8> {
        self.0
    }

    /// All keys that begin with this one.
    fn all_under(self) -> KeyRange {
        let mut to = self.0.clone();
        while to.pop_if(|last| *last == u8::MAX).is_some() {}
        match to.last_mut() {
            Some(last) => *last += 1,
            // Only 255s: no key of ours is larger than so many.
            None => to = vec![u8::MAX; self.0.len() + 1],
        }
        KeyRange { from: self.0, to }
    }
}

#[cfg(test)]
mod tests;
