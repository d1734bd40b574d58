//! Stages an object whose bytes its writer put into the object store. Owns that an address is linked once, and what a link
//! that is tried again finds; `storage` copies what was put there beyond its writer's reach.
//!
//! ```text
//! look ─► copy ─► look at the copy ─► stage, at most once ─► delete what was copied
//! ```
//!
//! - A crash before the staging leaves a copy that nothing refers to; the same link works.
//! - A lost answer: what was copied may be gone, and the permission used up. The same link finds its object on the branch, and
//!   has the same answer.
//! - Two links of one address: one is staged. The other finds that, and has its answer if it asked for the same.
//!
//! Invariants: an entry says of its bytes what is true of them, whatever is written where they came from, unless the operator
//! lets addresses without bytes be linked; no address that was given out is in an entry.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{Change, Graveler, RefExpr};
use model::{Address, BranchName, Entry, MetaError, ObjectPath, Once, Repository, Require, StageOutcome, StagedValue};
use proto::api::InvalidField;
use storage::{Adopted, RepositoryStorage, StorageError, UploadSlot};

use super::put_object::{CONTENT_TYPE_DEFAULT, check_content_type, check_metadata};
use crate::Error;

/// The longest ETag that is taken from a client: what S3 makes of a multipart upload, and some.
const E_TAG_BYTES_MAX: usize = 128;

const NOTHING_THERE: &str = "nothing is there: upload the object before you link it";
const LINKED_ALREADY: &str = "was linked already, or not within a day: get a new one and upload the object again";

/// What to stage.
#[derive(Debug, Clone)]
pub struct LinkRequest {
    /// Where, as it was looked up.
    pub repository: Repository,
    /// On which branch.
    pub branch: BranchName,
    /// Under which path.
    pub path: ObjectPath,
    /// Of which upload.
    pub slot: UploadSlot,
    /// Where its bytes are.
    pub bytes: UploadedBytes,
    /// The permission to link them.
    pub once: Once,
    /// How many they are, if the writer says.
    pub size: Option<u64>,
    /// What the store called them.
    pub e_tag: String,
    /// The media type; empty for `application/octet-stream`.
    pub content_type: String,
    /// User metadata.
    pub metadata: BTreeMap<String, String>,
    /// On what condition.
    pub require: Option<Require>,
    /// Whether an address where nothing lies is linked too: for load tests of everything but the object store.
    pub without_bytes: bool,
}

/// Where the bytes of an upload are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadedBytes {
    /// At an address that was given out, where they may be written still.
    GivenOut(Address),
    /// Where the upload's parts were made into an object; nobody can write there any more.
    Made,
}

/// Stages an entry for bytes that are in the object store.
pub async fn link_object(graveler: &Graveler, caller: &Caller, request: &LinkRequest) -> Result<Entry, Error> {
    let LinkRequest { repository, branch, path, e_tag, .. } = request;
    authorize(caller, Action::WriteObject, &Resource::object_of(&repository.name, branch, path))?;
    check_metadata(&request.metadata)?;
    check_content_type(&request.content_type)?;
    if e_tag.is_empty() || e_tag.len() > E_TAG_BYTES_MAX || !e_tag.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        return Err(InvalidField::new("checksum", "must be the ETag that the store answered").into());
    }
    let storage = graveler.stores().repository(&repository.namespace).map_err(graveler::Error::from)?;
    let adopted = match &request.bytes {
        UploadedBytes::GivenOut(address) => adopt(&storage, request, address).await?,
        UploadedBytes::Made => found(storage.look_made(&request.slot).await)?,
    };
    let Some(adopted) = adopted else {
        return match linked_before(graveler, request).await? {
            Some(linked) => Ok(linked),
            None if request.without_bytes => {
                let nothing = request.slot.without_bytes(request.size.unwrap_or_default(), e_tag);
                stage(graveler, &storage, request, entry(graveler, request, &nothing)).await
            }
            None => Err(InvalidField::new("physical_address", NOTHING_THERE).into()),
        };
    };
    let entry = entry(graveler, request, &adopted);
    if let Err(error) = check(&storage, request, &entry, &adopted).await {
        discard(&storage, request, &entry.address).await;
        // Another link may have deleted what this one was copying, and so have kept it from being sure.
        return linked_before(graveler, request).await?.ok_or(error);
    }
    stage(graveler, &storage, request, entry).await
}

/// Copies what was put at an address; nothing if nothing is there.
async fn adopt(
    storage: &RepositoryStorage,
    request: &LinkRequest,
    address: &Address,
) -> Result<Option<Adopted>, Error> {
    let Some(staged) = found(storage.look_staged(address).await)? else { return Ok(None) };
    check_size(request, staged.size())?;
    found(storage.adopt(&request.slot, &staged).await)
}

fn found<T>(looked: Result<T, StorageError>) -> Result<Option<T>, Error> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(graveler::Error::from(error).into()),
    }
}

fn check_size(request: &LinkRequest, there: u64) -> Result<(), InvalidField> {
    match request.size {
        Some(size) if size != there => {
            Err(InvalidField::new("size_bytes", format!("{there} bytes are there: upload the object again")))
        }
        _ => Ok(()),
    }
}

/// Compares what the writer says of the bytes with what they are. Of an upload in parts the store has compared them.
async fn check(
    storage: &RepositoryStorage,
    request: &LinkRequest,
    entry: &Entry,
    adopted: &Adopted,
) -> Result<(), Error> {
    check_size(request, adopted.size)?;
    if request.bytes == UploadedBytes::Made {
        return Ok(());
    }
    match storage.is_called(entry, adopted, &request.e_tag).await.map_err(graveler::Error::from)? {
        true => Ok(()),
        false => {
            let why = "is neither the ETag nor the MD5 of the bytes that are there: upload the object again";
            Err(InvalidField::new("checksum", why).into())
        }
    }
}

fn entry(graveler: &Graveler, request: &LinkRequest, adopted: &Adopted) -> Entry {
    Entry {
        address: adopted.address.clone(),
        last_modified: graveler.clock().now(),
        size: adopted.size,
        e_tag: request.e_tag.clone(),
        content_type: content_type(request).to_owned(),
        metadata: request.metadata.clone(),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}

fn content_type(request: &LinkRequest) -> &str {
    match request.content_type.as_str() {
        "" => CONTENT_TYPE_DEFAULT,
        content_type => content_type,
    }
}

async fn stage(
    graveler: &Graveler,
    storage: &RepositoryStorage,
    request: &LinkRequest,
    entry: Entry,
) -> Result<Entry, Error> {
    let LinkRequest { repository, branch, path, require, once, .. } = request;
    let value = StagedValue::Entry(entry.clone());
    let change = Change { path: path.clone(), value, require: require.clone() };
    match graveler.stage_once(repository, branch, change, *once).await {
        Ok(StageOutcome::Staged) => {
            forget_given_out(storage, request).await;
            Ok(entry)
        }
        Ok(StageOutcome::Spent) => {
            discard(storage, request, &entry.address).await;
            forget_given_out(storage, request).await;
            let linked = linked_before(graveler, request).await?;
            linked.ok_or_else(|| InvalidField::new("physical_address", LINKED_ALREADY).into())
        }
        Ok(_) => {
            discard(storage, request, &entry.address).await;
            Err(Error::PreconditionFailed(path.clone()))
        }
        Err(error) => {
            if let graveler::Error::Meta(MetaError::Refused(_)) = error {
                discard(storage, request, &entry.address).await;
            }
            Err(error.into())
        }
    }
}

/// The object that this upload was linked as before, if it is on the branch as this link would have it.
pub(crate) async fn linked_before(graveler: &Graveler, request: &LinkRequest) -> Result<Option<Entry>, Error> {
    let LinkRequest { repository, branch, path, slot, .. } = request;
    let found = graveler.stat(&repository.name, &RefExpr::from(branch), path).await?;
    Ok(found.map(|found| found.entry).filter(|entry| {
        slot.has_made(&entry.address)
            && request.size.is_none_or(|size| size == entry.size)
            && (&request.e_tag, content_type(request), &request.metadata)
                == (&entry.e_tag, entry.content_type.as_str(), &entry.metadata)
    }))
}

/// Removes a copy that no ref will name. What was made of parts stays, for the same completion to be tried again.
async fn discard(storage: &RepositoryStorage, request: &LinkRequest, copy: &Address) {
    if request.bytes != UploadedBytes::Made
        && let Err(error) = storage.delete_data(copy).await
    {
        tracing::warn!(%error, address = copy.as_str(), "a copy that isn't linked stays behind");
    }
}

/// Removes what was copied; what somebody writes there afterwards is nothing of ours.
async fn forget_given_out(storage: &RepositoryStorage, request: &LinkRequest) {
    if let UploadedBytes::GivenOut(address) = &request.bytes
        && let Err(error) = storage.delete_staged(address).await
    {
        tracing::warn!(%error, slot = %request.slot, "an upload that is linked stays where it was written");
    }
}
