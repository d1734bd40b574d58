//! Stages an object whose bytes its writer put into the object store. Invariant: an entry never says another size than
//! its bytes have, unless the operator lets addresses without bytes be linked.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{Change, Graveler};
use model::{Address, BranchName, Entry, ObjectPath, Repository, Require, StageOutcome, StagedValue};
use proto::api::InvalidField;
use storage::StorageError;

use super::put_object::{CONTENT_TYPE_DEFAULT, check_content_type, check_metadata};
use crate::Error;

/// The longest ETag that is taken from a client: what S3 makes of a multipart upload, and some.
const E_TAG_BYTES_MAX: usize = 128;

/// What to stage.
#[derive(Debug, Clone)]
pub struct LinkRequest {
    /// Where, as it was looked up.
    pub repository: Repository,
    /// On which branch.
    pub branch: BranchName,
    /// Under which path.
    pub path: ObjectPath,
    /// Where the bytes lie.
    pub address: Address,
    /// How many they are, if the writer says.
    pub size: Option<u64>,
    /// What the store calls them.
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

/// Stages an entry for bytes that are in the object store.
pub async fn link_object(graveler: &Graveler, caller: &Caller, request: LinkRequest) -> Result<Entry, Error> {
    let LinkRequest { repository, branch, path, address, size, e_tag, content_type, metadata, require, without_bytes } =
        request;
    authorize(caller, Action::WriteObject, &Resource::object_of(&repository.name, &branch, &path))?;
    check_metadata(&metadata)?;
    check_content_type(&content_type)?;
    if e_tag.is_empty() || e_tag.len() > E_TAG_BYTES_MAX || !e_tag.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        return Err(InvalidField::new("checksum", "must be the ETag that the store answered").into());
    }
    let there = match stored_size(graveler, &repository, &address).await? {
        Some(there) => there,
        None if without_bytes => size.unwrap_or_default(),
        None => {
            let why = "nothing is there: upload the object before you link it";
            return Err(InvalidField::new("physical_address", why).into());
        }
    };
    if size.is_some_and(|size| size != there) {
        let why = format!("{there} bytes are there: upload the object again");
        return Err(InvalidField::new("size_bytes", why).into());
    }
    let entry = Entry {
        address,
        last_modified: graveler.clock().now(),
        size: there,
        e_tag,
        content_type: if content_type.is_empty() { CONTENT_TYPE_DEFAULT.to_owned() } else { content_type },
        metadata,
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    };
    let change = Change { path: path.clone(), value: StagedValue::Entry(entry.clone()), require };
    match graveler.stage_in(&repository, &branch, vec![change]).await?.as_slice() {
        [StageOutcome::Staged] => Ok(entry),
        _ => Err(Error::PreconditionFailed(path)),
    }
}

/// How many bytes an address has; `None` if nothing is there.
async fn stored_size(graveler: &Graveler, repository: &Repository, address: &Address) -> Result<Option<u64>, Error> {
    let storage = graveler.stores().repository(&repository.namespace).map_err(graveler::Error::from)?;
    match storage.data_size(address).await {
        Ok(size) => Ok(Some(size)),
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(graveler::Error::from(error).into()),
    }
}
