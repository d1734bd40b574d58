//! Writes one object: bytes first, then its entry. Invariant: an object is seen whole or not at all.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use futures::{StreamExt, stream};
use graveler::{BodyError, BodyStream, Change, Graveler, Uploaded};
use model::{
    BranchName, Entry, MetaError, ObjectPath, ObjectTags, Repository, RepositoryName, Require, StageOutcome,
    StagedValue, TAGS_NAME,
};
use proto::api::InvalidField;

use crate::Error;

/// The most bytes of user metadata, names and values together: S3's bound.
pub const METADATA_BYTES_MAX: usize = 2 << 10;
const CONTENT_TYPE_BYTES_MAX: usize = 256;
pub(super) const CONTENT_TYPE_DEFAULT: &str = "application/octet-stream";

/// What to write.
#[derive(Debug, Clone)]
pub struct PutObjectRequest {
    /// Where.
    pub repository: RepositoryName,
    /// On which branch.
    pub branch: BranchName,
    /// Under which path.
    pub path: ObjectPath,
    /// The media type; empty for `application/octet-stream`.
    pub content_type: String,
    /// User metadata.
    pub metadata: BTreeMap<String, String>,
    /// The body's bytes, if announced: a body of another size is refused.
    pub size: Option<u64>,
    /// On what condition.
    pub require: Option<Require>,
}

/// Streams a body to the object store and stages its entry. If the entry isn't taken, the bytes are removed.
pub async fn put_object(
    graveler: &Graveler,
    caller: &Caller,
    request: PutObjectRequest,
    body: BodyStream,
) -> Result<Entry, Error> {
    let object = Resource::object_of(&request.repository, &request.branch, &request.path);
    authorize(caller, Action::WriteObject, &object)?;
    check_metadata(&request.metadata)?;
    check_content_type(&request.content_type)?;
    let repository = writable(graveler, &request).await?;
    let body = match request.size {
        Some(size) => exactly(body, size),
        None => body,
    };
    let uploaded = graveler.upload(&repository, body, request.size).await?;

    let entry = entry(graveler, &request, &uploaded);
    let PutObjectRequest { branch, path, require, .. } = request;
    let change = Change { path: path.clone(), value: StagedValue::Entry(entry.clone()), require };
    match graveler.stage_in(&repository, &branch, vec![change]).await {
        Ok(outcomes) if outcomes == [StageOutcome::Staged] => Ok(entry),
        Ok(_) => {
            discard(graveler, &repository, &uploaded).await;
            Err(Error::PreconditionFailed(path))
        }
        Err(error) => {
            if let graveler::Error::Meta(MetaError::Refused(_)) = error {
                discard(graveler, &repository, &uploaded).await;
            }
            Err(error.into())
        }
    }
}

/// Metadata returns in HTTP headers, so it must fit there. A name that no header can have is kept and shown over REST
/// and gRPC: lakeFS's clients note times and permissions of files under names like `::lakefs::client-mtime`. Tags have a
/// bound of their own.
pub(super) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), InvalidField> {
    ObjectTags::kept_in(metadata).map_err(|why| InvalidField::new("metadata", format!("{TAGS_NAME}: {why}")))?;
    let counted = metadata.iter().filter(|(name, _)| *name != TAGS_NAME);
    let bytes: usize = counted.map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(InvalidField::new("metadata", format!("has {bytes} bytes; the most is {METADATA_BYTES_MAX}")));
    }
    if metadata.keys().any(|name| name.is_empty() || name.chars().any(char::is_control)) {
        return Err(InvalidField::new("metadata", "names can't be empty or hold control characters"));
    }
    if metadata.values().any(|value| value.chars().any(char::is_control)) {
        return Err(InvalidField::new("metadata", "values can't hold control characters"));
    }
    Ok(())
}

pub(super) fn check_content_type(content_type: &str) -> Result<(), InvalidField> {
    if content_type.len() > CONTENT_TYPE_BYTES_MAX || !content_type.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(InvalidField::new("content_type", "must be a media type like text/plain"));
    }
    Ok(())
}

/// Refuses before any byte is stored what couldn't be staged afterwards.
async fn writable(graveler: &Graveler, request: &PutObjectRequest) -> Result<Repository, Error> {
    let PutObjectRequest { repository, branch, .. } = request;
    let found = graveler.meta().lookup(repository, &branch.into(), None).await?;
    found.target.into_branch(branch)?;
    Ok(found.repository)
}

/// A body that fails unless it has as many bytes as announced.
fn exactly(body: BodyStream, size: u64) -> BodyStream {
    let start = (body, size, false);
    stream::unfold(start, move |(mut body, left, ended)| async move {
        if ended {
            return None;
        }
        let short = || -> BodyError { format!("the body ended {left} bytes before the {size} announced").into() };
        let long = || -> BodyError { format!("the body has more than the {size} bytes announced").into() };
        match body.next().await {
            None if left == 0 => None,
            None => Some((Err(short()), (body, left, true))),
            Some(Err(error)) => Some((Err(error), (body, left, true))),
            Some(Ok(bytes)) => match left.checked_sub(bytes.len() as u64) {
                Some(left) => Some((Ok(bytes), (body, left, false))),
                None => Some((Err(long()), (body, left, true))),
            },
        }
    })
    .boxed()
}

fn entry(graveler: &Graveler, request: &PutObjectRequest, uploaded: &Uploaded) -> Entry {
    let content_type = match request.content_type.as_str() {
        "" => CONTENT_TYPE_DEFAULT,
        content_type => content_type,
    };
    Entry {
        address: uploaded.address.clone(),
        last_modified: graveler.clock().now(),
        size: uploaded.size,
        e_tag: hex::encode(uploaded.md5),
        content_type: content_type.to_owned(),
        metadata: request.metadata.clone(),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}

/// Removes bytes that no ref will name. If that fails they are garbage, which collection finds; the caller's answer is
/// the same.
async fn discard(graveler: &Graveler, repository: &Repository, uploaded: &Uploaded) {
    let removed = match graveler.stores().repository(&repository.namespace) {
        Ok(storage) => storage.delete_data(&uploaded.address).await,
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(%error, address = uploaded.address.as_str(), "bytes of a refused write stay behind");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::TryStreamExt;

    use super::*;

    fn body(parts: &'static [&'static str]) -> BodyStream {
        stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes())))).boxed()
    }

    #[tokio::test]
    async fn a_body_must_be_as_long_as_announced() {
        let parts = exactly(body(&["ab", "", "c"]), 3).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(parts.concat(), b"abc");
        let short = exactly(body(&["ab"]), 3).try_collect::<Vec<_>>().await.unwrap_err();
        assert!(short.to_string().contains("1 bytes before the 3"), "{short}");
        assert!(exactly(body(&["ab", "cd"]), 3).try_collect::<Vec<_>>().await.is_err());
        assert!(exactly(body(&[]), 0).try_collect::<Vec<_>>().await.unwrap().is_empty());
    }
}
